"""Which model this installation uses."""

import sys
from pathlib import Path

from .bundle import MANIFEST, Bundle, BundleUnsuitable, load_bundle

PRODUCTION = "production"


def models_folder() -> Path:
    """Where bundles lie that were made for this installation: share/mizzap/models of the virtual environment."""
    return Path(sys.prefix) / "share" / "mizzap" / "models"


def choose_bundle(environment: str, model_path: str | Path | None) -> Bundle | None:
    """The bundle to use, or None where none is configured or installed.

    Production (`environment` "production") is configured with a CLIP bundle and refuses anything else, a missing
    setting too. Elsewhere a configured bundle must load; without one a CLIP bundle from `models_folder()` is taken
    if there is one, else an image-only one, else none: then the lanes without a model work.
    Raises BundleError.
    """
    if environment == PRODUCTION:
        return _production_bundle(model_path)
    if model_path:
        return load_bundle(model_path)
    installed = [load_bundle(manifest.parent) for manifest in sorted(models_folder().glob(f"*/{MANIFEST}"))]
    return min(installed, key=lambda bundle: not bundle.has_text, default=None)


def _production_bundle(model_path: str | Path | None) -> Bundle:
    if not model_path:
        raise BundleUnsuitable("Production needs a CLIP bundle: set MIZZAP_MODEL to its folder.")
    bundle = load_bundle(model_path)
    if not bundle.has_text:
        raise BundleUnsuitable(f"Production needs a CLIP bundle, and {bundle.id} in MIZZAP_MODEL embeds images only.")
    return bundle
