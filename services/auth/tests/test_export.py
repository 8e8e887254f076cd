"""The auth service's own part of an export."""

import json

from mizzap_common.contracts import accounts, exporting, families, requests


async def test_the_account_s_own_part(auth, email) -> None:
    made = await auth.register(email, full_name="Ada L.", privacy_accepted=True)
    family = families.CreateFamily(user_id=made.user.id, name="The Lovelaces")
    await auth.bus.ask(requests.AUTH_CREATE_FAMILY, family)
    pages = []
    cursor = None
    while True:
        question = exporting.ExportPageRequest(user_id=made.user.id, cursor=cursor)
        pages.append(await auth.bus.ask(requests.AUTH_EXPORT, question))
        cursor = pages[-1].next_cursor
        if cursor is None:
            break
    assert [page.file for page in pages] == [
        "account.json", "consents.json", "families.json", "audit.jsonl", "sessions.jsonl",
    ]  # fmt: skip
    (account,) = pages[0].items
    assert accounts.User.model_validate(account) == made.user
    assert [(said["purpose"], said["granted"]) for said in pages[1].items] == [("privacy", True)]
    assert [family["name"] for family in pages[2].items] == ["The Lovelaces"]
    assert pages[3].items[0]["action"] == "user.registered"
    assert pages[3].items[-1]["action"] == "family.joined"
    (session,) = pages[4].items
    assert session["revokedAt"] is None and "password" not in json.dumps([page.items for page in pages]).lower()
