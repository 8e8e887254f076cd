from mizzap_auth import erasures_models, exports_models
from mizzap_auth.models import metadata
from mizzap_common import migrations

# their tables are part of the metadata once they are imported
assert erasures_models and exports_models
migrations.run(metadata)
