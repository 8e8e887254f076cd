"""Qdrant on one machine: the real engine (qdrant-edge-py) behind the part of Qdrant's REST interface that MIZZAP uses.

Services only ever see `AsyncQdrantClient(url=…)`: this process here, a Qdrant cluster in production. What is not
implemented (a path, a parameter, a field in a body) is answered with 501 and its name, never ignored. Run it as
`python -m mizzap_devstack.qdrant_server FOLDER PORT`; it is a process of its own because the engine holds the
interpreter's lock while it works.

The engine's `optimize()` (HNSW graphs, vacuum) is never called: 34 s without an answer for 20,000 points of 1,280
dimensions, to bring a filtered query from 4.7 ms to 1.4 ms.
"""
