from mizzap_common import migrations
from mizzap_curation.settings import CurationSettings


def test_models_and_migrations_say_the_same(settings: CurationSettings) -> None:
    migrations.check("mizzap_curation", settings.database_url.get_secret_value())
