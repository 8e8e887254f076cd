from mizzap_albums.settings import AlbumsSettings
from mizzap_common import migrations


def test_models_and_migrations_say_the_same(settings: AlbumsSettings) -> None:
    migrations.check("mizzap_albums", settings.database_url.get_secret_value())
