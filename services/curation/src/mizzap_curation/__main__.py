from mizzap_common.restoring import restored
from mizzap_common.service import main

from mizzap_curation.app import build
from mizzap_curation.settings import CurationSettings

main("curation", CurationSettings, build, commands={"restored": restored})
