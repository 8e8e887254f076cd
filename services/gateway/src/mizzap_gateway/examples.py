"""Examples for the OpenAPI document, made from the schemas: no route writes one by hand.

A field's value comes from its own ``examples``, else from ``FIELDS`` by its name, else from its type.
"""

from typing import Any

Schema = dict[str, Any]

FIELDS: dict[str, Any] = {
    "id": 123,
    "userId": 42,
    "photoId": 123,
    "photoIds": [123, 124],
    "coverPhotoId": 123,
    "primaryPhotoId": 123,
    "duplicatePhotoId": 124,
    "albumId": 7,
    "keeper": 123,
    "members": [123, 124],
    "add": [125],
    "remove": [126],
    "order": [125, 123],
    "fileName": "2025/IMG_0001.jpg",
    "fileNames": ["2025/IMG_0001.jpg"],
    "fileSize": 2_048_576,
    "mimeType": "image/jpeg",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "md5": "098f6bcd4621d373cade4e832627b4f6",
    "perceptualHash": "c3d1e0f078783c1c",
    "width": 4032,
    "height": 3024,
    "cameraModel": "Pixel 9",
    "latitude": 48.8584,
    "longitude": 2.2945,
    "duplicateCount": 1,
    "qualityScore": 0.87,
    "similarityScore": 0.98,
    "score": 0.91,
    "thumbnailUrl": "/api/v1/photos/123/thumbnail",
    "name": "Été 2025",
    "description": "At the sea",
    "photoCount": 24,
    "email": "camille@example.com",
    "password": "correct horse battery staple",
    "username": "camille",
    "fullName": "Camille Martin",
    "country": "FR",
    "accessToken": "eyJhbGciOiJSUzI1NiIs…",
    "refreshToken": "q3Zr0yJ5c0m1…",
    "tokenType": "Bearer",
    "expiresIn": 3600,
    "ticket": "3q2-7wAAAbCdEfGh…",
    "cursor": "eyJwaG90b3MiOjQyfQ",
    "nextCursor": "eyJwaG90b3MiOjQyfQ",
    "reasons": ["The same bytes."],
    "spaceToFree": "15.2 GB",
    "spaceToFreeBytes": 15_200_000_000,
    "duplicatePercentage": 24.1,
    "dimensions": 512,
    "page": 1,
    "limit": 20,
    "total": 24,
    "totalPages": 2,
    "code": "UNPROCESSABLE",
    "about": "photo/123",
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "currentPassword": "correct horse battery staple",
    "newPassword": "a better horse battery staple",
    "deliveredOrders": 2,
    "openOrders": 1,
    "orderId": 31,
    "deliveryUrl": "https://memopyk.example/films/31",
    "linksExpireAt": "2025-11-22T10:00:00Z",
    "instructions": "Softer light, please",
    "music": "calm",
    "title": "Été 2025",
    "seconds": 60,
    "deviceName": "Firefox on Linux",
    "sessionIds": [11, 12],
    "refreshExpiresIn": 2_592_000,
    "limitBytes": 5_368_709_120,
    "usedBytes": 1_879_048_192,
    "memberCount": 3,
    "progress": 40,
    "token": "q3Zr0yJ5c0m1…",
    "model": "mobilenet-v3-large",
    "version": "1",
    "message": "A sentence for a person.",
    "errorMessage": "The photo can't be decoded.",
    "keys": [{"kty": "RSA", "kid": "2025-10", "use": "sig", "alg": "RS256", "n": "…", "e": "AQAB"}],
}

_FORMATS = {
    "date-time": "2025-10-23T10:00:00Z",
    "date-time-local": "2025-10-23T12:00:00",
    "date": "2025-10-23",
    "binary": "(the bytes of a photo)",
    "uuid": "0199f3b2-6c1e-7c3a-9d5e-2f4b6a8c0d1e",
    "uri": "https://app.mizzap.fr/",
    "password": "correct horse battery staple",
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
_DEEPEST = 12


def example(schema: Schema, schemas: dict[str, Schema], name: str = "", depth: int = 0) -> Any:
    """A value that the schema allows; ``schemas`` are the document's, ``name`` is the field's."""
    schema = _resolved(schema, schemas)
    if "examples" in schema:
        return schema["examples"][0]
    for certain in ("example", "const"):
        if certain in schema:
            return schema[certain]
    if "enum" in schema:
        return schema["enum"][0]
    if name in FIELDS and _fits(FIELDS[name], schema):
        return FIELDS[name]
    if schema.get("default") is not None:
        return schema["default"]
    if depth > _DEEPEST:
        return None
    return _by_type(schema, schemas, name, depth)


def _by_type(schema: Schema, schemas: dict[str, Schema], name: str, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {field: example(kind, schemas, field, depth + 1) for field, kind in fields.items()}
        case "array":
            least = max(1, schema.get("minItems", 1))
            return [example(schema.get("items", {}), schemas, name, depth + 1)] * least
        case "string":
            return _FORMATS.get(schema.get("format", ""), "text"[: schema.get("maxLength")])
        case "integer" | "number":
            return max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
        case _:
            return None


def _resolved(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    """Follows references, and takes the first way that is not null."""
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rsplit("/", 1)[-1]]
        elif ways := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            if "examples" in schema:
                return schema
            schema = next((way for way in ways if way.get("type") != "null"), ways[0])
        else:
            return schema


def _fits(value: Any, schema: Schema) -> bool:
    kind = schema.get("type")
    if kind not in _TYPES or isinstance(value, bool) is not (kind == "boolean"):
        return False
    if kind == "array" and "$ref" in schema.get("items", {}):
        # made of its own fields instead
        return False
    return isinstance(value, _TYPES[kind]) and len(str(value)) <= schema.get("maxLength", 10_000)
