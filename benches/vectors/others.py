"""FAISS and hnswlib on the vectors of a file: one thread, one query at a time, CPU time."""

import sys
import time

import faiss
import hnswlib
import numpy as np

DIMENSIONS = 384
vectors, queries = (np.fromfile(file, dtype="<f4").reshape(-1, DIMENSIONS) for file in sys.argv[1:3])
faiss.omp_set_num_threads(1)
exact = faiss.IndexFlatIP(DIMENSIONS)
exact.add(vectors)
truth = exact.search(queries[::5], 10)[1]


def tell(name, build, search):
    start, cpu = time.time(), time.process_time()
    index = build()
    built = f"{time.time() - start:.1f} s, {time.process_time() - cpu:.1f} CPU s to build"
    times, found = [], []
    for query in queries:
        start = time.process_time()
        found.append(search(index, query[None, :]))
        times.append((time.process_time() - start) * 1e3)
    right = sum(len(set(a) & set(b)) for a, b in zip(found[::5], truth))
    print(f"{name}: {built}; p50 {np.percentile(times, 50):.2f}, p99 {np.percentile(times, 99):.2f} CPU ms; "
          f"recall@10 {right / truth.size:.4f}", flush=True)


def flat():
    return exact


def binary():
    index = faiss.IndexBinaryFlat(DIMENSIONS)
    index.add(np.packbits(vectors < 0, axis=1))
    return index


def rescored(index, query):
    """As our scan: signs first, then the vectors themselves."""
    near = index.search(np.packbits(query < 0, axis=1), 4096)[1][0]
    return near[np.argsort(-(vectors[near] @ query[0]), kind="stable")[:10]]


def scalar():
    index = faiss.IndexScalarQuantizer(DIMENSIONS, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[:100_000])
    index.add(vectors)
    return index


def ivf():
    lists = int(4 * len(vectors) ** 0.5)
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(DIMENSIONS), DIMENSIONS, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[: 64 * lists])
    index.add(vectors)
    index.nprobe = 32
    return index


def faiss_hnsw():
    index = faiss.IndexHNSWFlat(DIMENSIONS, 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = 200, 200
    index.add(vectors)
    return index


def hnsw():
    index = hnswlib.Index(space="ip", dim=DIMENSIONS)
    index.init_index(max_elements=len(vectors), ef_construction=200, M=16)
    index.set_num_threads(1)
    index.add_items(vectors)
    index.set_ef(200)
    return index


def by_faiss(index, query):
    return index.search(query, 10)[1][0]


tell(f"FAISS {faiss.__version__} flat", flat, by_faiss)
tell("FAISS 8-bit scalar", scalar, by_faiss)
tell("FAISS binary flat, 4,096 compared again", binary, rescored)
tell("FAISS IVF, 32 lists probed", ivf, by_faiss)
if len(vectors) <= 200_000:
    tell("FAISS HNSW 32, ef 200", faiss_hnsw, by_faiss)
    tell(f"hnswlib {hnswlib.__version__} 16, ef 200", hnsw, lambda index, query: index.knn_query(query, k=10)[0][0])
