from mizzap_albums.models import metadata
from mizzap_common import migrations

migrations.run(metadata)
