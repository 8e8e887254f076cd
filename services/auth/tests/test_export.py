"""The auth service's own part of an export."""

import json

from mizzap_common.contracts import accounts, exporting, families, requests


async def test_every_word_about_consent_is_exported_however_many(auth, email) -> None:
    made = await auth.register(email, privacy_accepted=True)
    await auth.sql(
        "INSERT INTO consents (user_id, purpose, version, granted)"
        " SELECT %(u)s, 'marketing', 'v' || n, n %% 2 = 0 FROM generate_series(1, 1201) n RETURNING id",
        u=made.user.id,
    )
    versions: list[str] = []
    cursor = None
    while True:
        question = exporting.ExportPageRequest(user_id=made.user.id, cursor=cursor)
        page = await auth.bus.ask(requests.AUTH_EXPORT, question)
        if page.file == "consents.json":
            versions += [said["version"] for said in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert versions[1:] == [f"v{n}" for n in range(1, 1202)]


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
