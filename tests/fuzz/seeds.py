"""Inputs that are right, as small as they can be: what fuzzing begins from."""

import io
import json
import tarfile
import zipfile

import numpy as np

YAML = b"a: {b: 1, c: [1, 2.5, .nan]}\nd: &x [1]\ne: *x\nf: 2001-01-01\ng: |\n  text\nh: !!int 3\n"
DVC_YAML = b"""\
stages:
  a:
    cmd: python a.py
    wdir: sub
    deps: [a.py, "s3://bucket/x"]
    params: [x, {other.json: [y]}, {whole.yaml: null}]
    outs: [one, two: {cache: false}]
    metrics: [m.json: {cache: false}]
    plots: [p.csv]
    frozen: true
"""
TEMPLATES = b"""\
vars: [params.yaml, {local: {a: [1, 2], b: x}}]
stages:
  a:
    foreach: ${local.a}
    do:
      cmd: run ${item} ${compute.seed}
      outs: ["out-${item}"]
  b:
    matrix: {x: [1, 2], y: [a]}
    cmd: run ${item.x} ${data.name} \\${plain}
    vars: [{c: 1}]
"""
TEMPLATED = b"""\
stages:
  a:
    cmd: run ${data.name}
    params: [data, compute.seed, x]
"""
PARAMETERS = b"data: {name: own, more: {a: 1, b: [1, x]}}\ncompute: {seed: 0}\nx: 1.5\n"
LOCK = b"""\
schema: '2.0'
stages:
  fetch:
    cmd: [python a.py, ls]
    deps:
    - path: a.py
      hash: md5
      md5: 0123456789abcdef0123456789abcdef
      size: 3
    - path: s3://bucket/x
      etag: '1'
    params:
      params.yaml:
        fetch.retries: 3
    outs:
    - path: data/raw
      md5: 0123456789abcdef0123456789abcdef.dir
      files:
      - relpath: a
        md5: 0123456789abcdef0123456789abcdef
"""
CATALOGUE = b"""\
own:
  title: Own
  noun: image
  format: csv
  sources: [none]
  files:
    a.csv: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  test: [a.csv]
  test_fraction: 0.5
  classes: [a, 7]
  size: [2, 2]
  label: 0
  header: false
  maximum: 1
  prepare: {box: 20, centre: mass}
  licence: none
  cite: none
  claims:
  - {net: dense, metric: accuracy, value: 0.5}
  - {split: test, metric: images, value: 10}
"""
ASSIGNMENTS = [
    b"train_cnn.dropout=0,0.2",
    b"a.b=[1,2],[3]",
    b"a={b:1,c:'x y'}",
    b"a=range(1,4)",
    b"a=choice(1,2)",
]
EVENTS = b'{"epoch": {"epoch": 1}}\n{"status": "KILLED"}\n'
ANSWERS = b'{}\n{"say": "a"}\n{"warning": "a"}\n{"done": true}\n'


def images():
    """uint8 (4, 4, 4)."""
    return np.arange(64, dtype=np.uint8).reshape(4, 4, 4)


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def image_set():
    return npz(x_train=images(), y_train=np.arange(4) % 2)


def keras():
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 4, 4, 1], "dtype": "uint8"}},
        {"class_name": "Dense", "name": "d", "config": {"units": 3}},
    ]
    return _zip({"config.json": json.dumps({"config": {"layers": layers}}).encode()})


def idx_images():
    shape = b"".join(size.to_bytes(4, "big") for size in (4, 4, 4))
    return b"\0\0\x08\x03" + shape + images().tobytes()


def idx_labels():
    return b"\0\0\x08\x01" + (4).to_bytes(4, "big") + bytes([0, 1, 0, 1])


def csv():
    rows = [f"{n % 2}," + ",".join(map(str, row.ravel())) for n, row in enumerate(images())]
    return "\n".join(["label," + ",".join(f"p{n}" for n in range(16)), *rows]).encode()


def pictures():
    """Of each kind of file, and of several modes."""
    from PIL import Image

    made = []
    for kind, mode in (
        ("PNG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "I;16"), ("GIF", "P"), ("BMP", "RGB"),
        ("JPEG", "RGB"), ("TIFF", "L"), ("PPM", "RGB"), ("WEBP", "RGB"),
    ):  # fmt: skip
        file = io.BytesIO()
        Image.new(mode, (4, 4)).save(file, kind)
        made.append(file.getvalue())
    return made


def drawings():
    """Pictures in which something is drawn, of modes that people's cameras and programs write."""
    from PIL import Image

    drawn = np.full((12, 12), 255, np.uint8)
    drawn[2:10, 5:7] = 0
    made = []
    for kind, mode in (
        ("PNG", "L"),
        ("PNG", "RGBA"),
        ("TIFF", "F"),
        ("TIFF", "I"),
        ("JPEG", "RGB"),
    ):
        file = io.BytesIO()
        Image.fromarray(drawn).convert(mode).save(file, kind)
        made.append(file.getvalue())
    return made


def _png(image):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def _members():
    return {f"{n % 2}/{n}.png": _png(image) for n, image in enumerate(images())}


def zipped():
    return _zip(_members())


def tarred():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in _members().items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def parquet():
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = io.BytesIO()
    table = pa.table({"image": [_png(image) for image in images()], "label": [0, 1] * 2})
    pq.write_table(table, file)
    return file.getvalue()


def _zip(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()
