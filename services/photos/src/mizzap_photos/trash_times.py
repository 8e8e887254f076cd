"""How long a photo lies in the trash: what its owner's tier keeps, or less where the owner wishes so."""

from datetime import timedelta

from mizzap_common.errors import InvalidInput

from mizzap_photos.models import QuotaRow
from mizzap_photos.quotas_repository import PREMIUM
from mizzap_photos.settings import PhotosSettings


class TrashTimes:
    def __init__(self, settings: PhotosSettings) -> None:
        self.free = timedelta(days=settings.free_trash_days)
        self.premium = timedelta(days=settings.premium_trash_days)

    @property
    def shortest(self) -> timedelta:
        return min(self.free, self.premium)

    def longest(self, tier: str) -> timedelta:
        return self.premium if tier == PREMIUM else self.free

    def of(self, quota: QuotaRow) -> timedelta:
        """A wish outlives the tier that it was made under, but gives no more than the present one."""
        longest = self.longest(quota.tier)
        return longest if quota.trash_days is None else min(longest, timedelta(days=quota.trash_days))

    def check(self, days: int, tier: str) -> None:
        """Raises InvalidInput for a wish that is shorter than the shortest time or longer than the tier's."""
        if not self.shortest <= timedelta(days=days) <= self.longest(tier):
            least, most = self.shortest / timedelta(days=1), self.longest(tier) / timedelta(days=1)
            raise InvalidInput(
                f"days: Photos can be kept in the trash for {least:g} to {most:g} days.",
                field="days", value=days, least=least, most=most,
            )  # fmt: skip
