"""The best moments of a user, from the first upload to the confirmed set."""

import numpy as np
import pytest
from mizzap_common import testing
from mizzap_common.contracts import catalog, curating, events, library, requests
from mizzap_common.errors import Conflict, InvalidInput, NotFound

X, Y, Z = [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]


def ids(shown):
    return [moment.photo_id for moment in shown.moments]


async def three_days(mizzap, photo):
    """Three photos of three days that show different things."""
    return [await mizzap.upload(photo(24 * day), vector) for day, vector in enumerate((X, Y, Z))]


async def test_a_new_user_has_an_empty_set(mizzap):
    assert await mizzap.moments() == curating.CuratedSet(
        id=None, status="suggested", moments=[], photos=0, up_to_date=True, updated_at=None
    )
    with pytest.raises(Conflict):
        await mizzap.confirm()


async def test_photos_become_moments_with_reasons(mizzap, photo):
    photos = await three_days(mizzap, photo)
    twin = await mizzap.upload(photo(0.01, contrast=60), X)
    shown = await mizzap.settled()
    assert ids(shown) == photos and twin not in ids(shown)
    assert shown.photos == 4 and shown.status == "suggested" and shown.updated_at is not None
    assert shown.moments[0].reasons[0].startswith("The best of 2 similar photos")
    ready = await testing.eventually(lambda: mizzap.published(catalog.CURATION_READY))
    assert ready[-1].set_id == shown.id


async def test_others_see_nothing_of_it(mizzap, photo, bus):
    photos = await three_days(mizzap, photo)
    await mizzap.settled()
    stranger = mizzap.user_id + 1_000_000
    theirs = await bus.ask(requests.CURATION_MOMENTS, library.UserRequest(user_id=stranger))
    assert theirs.moments == [] and theirs.id is None
    answers = []
    for photo_id in (photos[0], 2**62):
        for wish in ("add", "remove"):
            with pytest.raises(NotFound) as refused:
                await bus.ask(requests.CURATION_CHANGE, curating.ChangeMoments(user_id=stranger, **{wish: [photo_id]}))
            answers.append((refused.value.code, refused.value.message, refused.value.details))
    assert len({repr(answer) for answer in answers}) == 1
    assert ids(await mizzap.moments()) == photos


async def test_one_of_a_duplicate_pair_until_the_pair_is_rejected(mizzap, photo):
    keeper, copy, other = await three_days(mizzap, photo)
    pair = mizzap.pair(keeper, copy)
    await mizzap.tell(catalog.DUPLICATE_DETECTED, pair)
    assert ids(await mizzap.settled()) == [keeper, other]

    about = pair.model_dump(include=set(events.DuplicatePair.model_fields))
    rejected = events.DuplicateResolved(**about, action="rejected")
    await mizzap.tell(catalog.DUPLICATE_RESOLVED, rejected)
    assert ids(await mizzap.settled()) == [keeper, copy, other]

    # of several words the highest number counts, however they come
    for action, change, shown in (("pending", 3, [keeper, other]), ("rejected", 2, [keeper, other])):
        said = events.DuplicateResolved(**about, action=action, change=change)
        await mizzap.tell(catalog.DUPLICATE_RESOLVED, said)
        assert ids(await mizzap.settled()) == shown, (action, change)
    await mizzap.tell(catalog.DUPLICATE_WITHDRAWN, events.DuplicateWithdrawn(**about))
    assert ids(await mizzap.settled()) == [keeper, copy, other]


async def test_a_pair_withdrawn_before_it_was_told_stays_withdrawn(mizzap, photo):
    photos = await three_days(mizzap, photo)
    pair = mizzap.pair(photos[0], photos[1])
    await mizzap.tell(catalog.DUPLICATE_WITHDRAWN, events.DuplicateWithdrawn.model_validate(pair.model_dump()))
    await mizzap.settled()
    await mizzap.tell(catalog.DUPLICATE_DETECTED, pair)
    assert ids(await mizzap.settled()) == photos


async def test_a_deleted_photo_is_gone_at_once_and_for_good(mizzap, photo):
    photos = await three_days(mizzap, photo)
    await mizzap.settled()
    await mizzap.change(add=[photos[1]])
    await mizzap.delete(photos[1])
    await mizzap.handled()
    assert photos[1] not in ids(await mizzap.moments())
    assert ids(await mizzap.settled()) == [photos[0], photos[2]]


async def test_a_photo_that_failed_elsewhere_is_not_shown(mizzap, photo):
    photos = await three_days(mizzap, photo)
    failed = events.PhotoFailed(user_id=mizzap.user_id, photo_id=photos[0], code="IMAGE_UNREADABLE", message="…")
    await mizzap.settled()
    await mizzap.tell(catalog.PHOTO_FAILED, failed)
    assert ids(await mizzap.settled()) == photos[1:]


async def test_a_photo_that_is_processed_after_all_is_a_candidate_again(mizzap, photo):
    photos = await three_days(mizzap, photo)
    await mizzap.settled()
    await mizzap.change(add=[photos[0]])
    about = {"user_id": mizzap.user_id, "photo_id": photos[0]}

    async def tell_failed(version):
        failed = events.PhotoFailed(**about, version=version, code="PROCESSING_GAVE_UP", message="…")
        await mizzap.tell(catalog.PHOTO_FAILED, failed)

    await tell_failed(1)
    assert ids(await mizzap.settled()) == photos[1:]
    with pytest.raises(NotFound):
        await mizzap.change(add=[photos[0]])
    await mizzap.tell(catalog.PHOTO_PROCESSED, events.PhotoProcessed(**about, version=2))
    settled = await mizzap.settled()
    assert ids(settled) == photos and settled.moments[0].pinned
    await tell_failed(1)
    assert ids(await mizzap.settled()) == photos, "a late word"


async def test_vectors_that_come_later_are_taken_into_account(mizzap, photo, dedup):
    first, second = [await mizzap.upload(photo(24 * day, contrast)) for day, contrast in ((0, 100), (1, 60))]
    assert ids(await mizzap.settled()) == [first, second]
    for photo_id in (first, second):
        dedup.vectors[photo_id] = np.array(X)
        embedded = events.PhotoEmbedded(user_id=mizzap.user_id, photo_id=photo_id, model_id="a-clip", dimensions=4)
        await mizzap.tell(catalog.PHOTO_EMBEDDED, embedded)
    assert ids(await mizzap.settled()) == [first]


async def test_without_a_model_time_alone_decides(mizzap, photo, dedup):
    dedup.model = None
    photos = await three_days(mizzap, photo)
    burst = await mizzap.upload(photo(0.01, contrast=60))
    shown = await mizzap.settled()
    assert set(photos) <= set(ids(shown)) <= {*photos, burst}


async def test_while_dedup_is_down_the_moments_wait(mizzap, photo, dedup):
    dedup.down = True
    photos = await three_days(mizzap, photo)
    await mizzap.handled()
    await testing.eventually(dedup.asked.is_set)
    assert (await mizzap.moments()).moments == []
    dedup.down = False
    assert ids(await mizzap.settled()) == photos


async def test_what_the_user_takes_out_stays_out_with_its_copies(mizzap, photo):
    photos = await three_days(mizzap, photo)
    copy = await mizzap.upload(photo(48), Z)
    await mizzap.tell(catalog.DUPLICATE_DETECTED, mizzap.pair(photos[2], copy))
    await mizzap.settled()
    shown = await mizzap.change(remove=[photos[2]])
    assert ids(shown) == photos[:2] and not shown.up_to_date
    assert ids(await mizzap.settled()) == photos[:2]


async def test_what_the_user_puts_in_stays_in(mizzap, photo):
    photos = await three_days(mizzap, photo)
    weak = await mizzap.upload(photo(0.01, contrast=10), X)
    assert weak not in ids(await mizzap.settled())
    shown = await mizzap.change(add=[weak])
    assert ids(shown) == [*photos, weak]
    assert shown.moments[-1].pinned and shown.moments[-1].reasons == ["You chose it."]
    shown = await mizzap.settled()
    # its twin gives way
    assert set(ids(shown)) == {weak, *photos[1:]}
    await mizzap.change(remove=[weak])
    assert ids(await mizzap.settled()) == photos


async def test_the_users_order_stays_and_new_photos_come_after(mizzap, photo):
    photos = await three_days(mizzap, photo)
    await mizzap.settled()
    wanted = [photos[2], photos[0], photos[1]]
    assert ids(await mizzap.change(order=wanted)) == wanted
    assert ids(await mizzap.settled()) == wanted
    new = await mizzap.upload(photo(-24), [0, 0, 0, 1])
    assert ids(await mizzap.settled()) == [*wanted, new]


async def test_an_order_of_nothing_is_none(mizzap):
    """Before anything is scored the set is empty, and so is its order."""
    assert ids(await mizzap.change(order=[])) == []


async def test_wishes_that_make_no_sense_are_refused_and_change_nothing(mizzap, photo):
    photos = await three_days(mizzap, photo)
    before = await mizzap.settled()
    for wishes in (
        {"order": photos[:2]},
        {"order": [*photos, 2**62]},
        {"order": [photos[0], photos[0], photos[1]]},
        {"add": [photos[0]], "remove": [photos[0]]},
    ):
        with pytest.raises(InvalidInput):
            await mizzap.change(**wishes)
    assert await mizzap.moments() == before


async def test_twenty_at_most_and_the_weakest_gives_way(mizzap, photo):
    for day in range(21):
        await mizzap.upload(photo(24 * day, contrast=100 - 2 * day))
    shown = await mizzap.settled()
    assert len(shown.moments) == 20
    (left_out,) = set(mizzap.uploaded) - set(ids(shown))
    weakest = min(shown.moments, key=lambda moment: moment.score).photo_id
    shown = await mizzap.change(add=[left_out])
    assert len(shown.moments) == 20 and left_out in ids(shown) and weakest not in ids(shown)
    assert len((await mizzap.settled()).moments) == 20
    await mizzap.change(add=ids(shown))
    with pytest.raises(Conflict) as refused:
        await mizzap.change(add=[weakest])
    assert refused.value.code == "TOO_MANY_MOMENTS"


async def test_a_confirmed_set_is_the_users_own(mizzap, photo):
    photos = await three_days(mizzap, photo)
    await mizzap.settled()
    shown = await mizzap.confirm()
    assert shown.status == "confirmed" and ids(shown) == photos and all(m.pinned for m in shown.moments)
    assert await mizzap.confirm() == shown.model_copy(update={"updated_at": (await mizzap.moments()).updated_at})

    new = await mizzap.upload(photo(-48), [0, 0, 0, 1])
    await mizzap.delete(photos[0])
    await mizzap.handled()
    shown = await mizzap.moments()
    assert shown.status == "confirmed" and ids(shown) == photos[1:] and not shown.up_to_date

    # any change opens it again, and then new photos come in
    assert (await mizzap.change()).status == "suggested"
    shown = await mizzap.settled()
    assert ids(shown) == [new, *photos[1:]] and [m.pinned for m in shown.moments] == [False, True, True]


async def trash(mizzap, photo_id, version=1):
    trashed = events.PhotoTrashed(user_id=mizzap.user_id, photo_id=photo_id, version=version)
    await mizzap.tell(catalog.PHOTO_TRASHED, trashed)
    await mizzap.handled()


async def restore(mizzap, photo_id, version=2):
    restored = events.PhotoRestored(user_id=mizzap.user_id, photo_id=photo_id, version=version)
    await mizzap.tell(catalog.PHOTO_RESTORED, restored)
    await mizzap.handled()


async def test_a_photo_in_the_trash_is_no_moment_until_it_comes_back(mizzap, photo):
    photos = await three_days(mizzap, photo)
    await mizzap.settled()
    await mizzap.change(add=[photos[1]])
    await trash(mizzap, photos[1])
    assert photos[1] not in ids(await mizzap.moments()), "at once, not when they are chosen anew"
    settled = await mizzap.settled()
    assert (ids(settled), settled.photos) == ([photos[0], photos[2]], 2)
    with pytest.raises(NotFound):
        await mizzap.change(add=[photos[1]])
    await restore(mizzap, photos[1])
    settled = await mizzap.settled()
    assert (ids(settled), settled.photos) == (photos, 3)
    assert [moment.pinned for moment in settled.moments] == [False, True, False], "the wish is kept"
    await trash(mizzap, photos[1], version=1)
    assert ids(await mizzap.settled()) == photos, "a late word"


async def test_a_confirmed_set_gets_its_photo_back(mizzap, photo):
    photos = await three_days(mizzap, photo)
    await mizzap.settled()
    await mizzap.confirm()
    await trash(mizzap, photos[0])
    assert ids(await mizzap.moments()) == photos[1:]
    await restore(mizzap, photos[0])
    assert ids(await mizzap.moments()) == photos
