from mizzap_common import migrations
from mizzap_thumbs.settings import ThumbsSettings


def test_models_and_migrations_say_the_same(settings: ThumbsSettings) -> None:
    migrations.check("mizzap_thumbs", settings.database_url.get_secret_value())
