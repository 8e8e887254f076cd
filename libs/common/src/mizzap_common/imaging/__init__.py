"""Looking at untrusted images: what they are, whether they may be decoded, their pixels, their metadata.

Importing this package imports nothing heavy: `kinds` and `errors` serve the gateway, which has no decoder.
`gate`, `decode` and `metadata` parse hostile bytes and are called inside the children of `pool.DecodePool`.
"""
