from mizzap_common import migrations
from mizzap_thumbs.models import metadata

migrations.run(metadata)
