from mizzap_common import migrations
from mizzap_curation.models import metadata

migrations.run(metadata)
