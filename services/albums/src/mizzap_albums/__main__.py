from mizzap_common.restoring import restored
from mizzap_common.service import main

from mizzap_albums.app import build
from mizzap_albums.settings import AlbumsSettings

main("albums", AlbumsSettings, build, commands={"restored": restored})
