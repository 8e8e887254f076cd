from mizzap_auth.models import metadata
from mizzap_common import migrations

migrations.run(metadata)
