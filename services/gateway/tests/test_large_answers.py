"""What does not fit into one answer of a service is asked for in parts, and answered as one."""

from mizzap_common.contracts import duplicating, library, ordering, requests

from services.gateway.tests.routes_and_questions import GROUP, ORDER

SHA, OTHER = "a" * 64, "b" * 64


async def test_orders(gateway, user_id, ask) -> None:
    def answer(question: ordering.ListOrders) -> ordering.Integrations:
        orders = [ORDER.model_copy(update={"id": 9 - number}) for number in range(question.skip, question.skip + 2)]
        return ordering.Integrations(partners=[], orders=orders, total=12, more=question.skip < 4)

    gateway.others.say(requests.CURATION_INTEGRATIONS, answer)
    content = (await ask("GET", "/integrations/status?page=2&limit=6")).json()
    assert [order["id"] for order in content["data"]["orders"]] == [9, 8, 7, 6, 5, 4]
    assert content["pagination"]["total"] == 12
    asked = gateway.others.questions(requests.CURATION_INTEGRATIONS)
    assert [(one.user_id, one.page, one.limit, one.skip) for one in asked] == [
        (user_id, 2, 6, 0), (user_id, 2, 6, 2), (user_id, 2, 6, 4),
    ]  # fmt: skip


async def test_groups(gateway, ask) -> None:
    def answer(question: duplicating.ListGroups) -> duplicating.GroupPage:
        group = GROUP.model_copy(update={"keeper": question.skip + 1, "members": [question.skip + 1, 50]})
        return duplicating.GroupPage(groups=[group], total=3, more=question.skip < 2)

    names = [library.PhotoName(id=number, file_name=f"{number}.jpg", file_size=1) for number in (1, 2, 3, 50)]
    gateway.others.say(requests.DEDUP_GROUPS, answer)
    gateway.others.say(requests.PHOTOS_NAMES, library.PhotoNames(photos=names))
    shown = (await ask("GET", "/duplicates/groups?action=pending")).json()["data"]
    assert [[photo["id"] for photo in group["photos"]] for group in shown] == [[1, 50], [2, 50], [3, 50]]
    assert {one.action for one in gateway.others.questions(requests.DEDUP_GROUPS)} == {"pending"}


async def test_known_hashes(gateway, ask) -> None:
    pages = {
        0: (3, [(SHA, [1, 2], ["a", "b"]), (OTHER, [], [])]),
        3: (5, [(SHA, [4], ["c"]), (OTHER, [5], ["o"])]),
        5: (None, [(SHA, [6], ["d"])]),
    }

    def answer(question: library.Precheck) -> library.PrecheckPage:
        following, found = pages[question.after]
        known = [library.KnownHash(sha256=sha, photo_ids=ids, file_names=names) for sha, ids, names in found]
        return library.PrecheckPage(known=known, next=following)

    gateway.others.say(requests.PHOTOS_PRECHECK, answer)
    response = await ask("POST", "/photos/precheck", {"sha256": [SHA, OTHER]})
    assert response.json()["data"] == {
        "known": [
            {"sha256": SHA, "photoIds": [1, 2, 4, 6], "fileNames": ["a", "b", "c", "d"]},
            {"sha256": OTHER, "photoIds": [5], "fileNames": ["o"]},
        ]
    }
