from mizzap_common.service import main

from mizzap_thumbs.app import build
from mizzap_thumbs.settings import ThumbsSettings

main("thumbs", ThumbsSettings, build)
