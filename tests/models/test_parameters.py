"""Files of parameters are read, and nothing in them is run."""

from __future__ import annotations

import collections
import copyreg
import os
import pathlib
import pickle
import re
import struct
import subprocess
from functools import partial

import numpy as np
import pytest
import safetensors.numpy

from nncore import layers, models
from nncore.errors import ModelFileError
from nncore.models import load_parameters, read_parameters


def network():
    return layers.DenseLayer(layers.InputLayer((None, 3)), 2, name="out")


W = np.arange(6, dtype=np.float32).reshape(3, 2)
B = np.array([7.0, -8.0], dtype=np.float32)


def is_loaded(layer):
    values = layers.get_all_param_values(layer)
    return np.array_equal(values[0], W) and np.array_equal(values[1], B)


# --------------------------------------------------------------------- files that are read


def test_the_arrays_of_an_npz_file_come_in_the_order_of_their_numbers(tmp_path):
    values = [np.full(n, n, np.float32) for n in range(12)]
    np.savez(tmp_path / "values.npz", *values)
    found, rest = read_parameters(tmp_path / "values.npz")
    assert [array.shape for array in found] == [(n,) for n in range(12)]
    assert rest == {}


def test_an_npz_file_of_whatever_name_fills_a_network(tmp_path):
    np.savez_compressed(tmp_path / "model.npz", W, B)
    (tmp_path / "model.npz").rename(tmp_path / "model.weights")
    layer = network()
    assert load_parameters(layer, tmp_path / "model.weights") == {}
    assert is_loaded(layer)


@pytest.mark.parametrize(
    "names", [("arr_0", "arr_1"), ("0", "1"), ("out.W", "out.b")], ids=["arr", "digits", "params"]
)
def test_a_safetensors_file_fills_a_network(tmp_path, names):
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(dict(zip(names[::-1], (B, W), strict=True)), path)
    layer = network()
    load_parameters(layer, str(path))
    assert is_loaded(layer)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("module", [b"numpy._core", b"numpy.core"])
def test_a_pickle_of_any_protocol_and_numpy_fills_a_network(tmp_path, protocol, module):
    data = pickle.dumps([W, np.asfortranarray(B)], protocol)
    if protocol < 4:  # later protocols write the length of a name before it
        data = data.replace(b"numpy._core", module)
        assert module in data
    (tmp_path / "model.pkl").write_bytes(data)
    layer = network()
    load_parameters(layer, tmp_path / "model.pkl")
    assert is_loaded(layer)


def python2_array(array):
    """What cPickle of Python 2 wrote of an array under protocol 2."""
    data = array.tobytes()
    shape = b"".join(b"K" + bytes([n]) for n in array.shape)
    return (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85q\x03U\x01b"
        b"\x87q\x04Rq\x05(K\x01(" + shape + b"tcnumpy\ndtype\nq\x06U\x02f4K\x00K\x01\x87Rq\x07("
        b"K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + struct.pack("<i", len(data)) + data + b"tb"
    )  # fmt: skip


@pytest.mark.parametrize("key", [b"param values", b"values"])
def test_a_dict_from_python_2_fills_a_network_and_gives_the_rest(tmp_path, key):
    words = b"U\x0csynset words]q\x20(U\x05tenchU\x05cafe\xe9e"
    mean = b"U\x0amean image" + python2_array(np.array([[103.5, 116.5, 123.5]], np.float32))
    values = b"U" + bytes([len(key)]) + key + b"](" + python2_array(W) + python2_array(B) + b"e"
    data = b"\x80\x02}(" + words + mean + values + b"u."
    # The plain unpickler agrees that this is such a pickle.
    assert np.array_equal(pickle.loads(data, encoding="latin1")[key.decode()][0], W)
    (tmp_path / "model.pkl").write_bytes(data)
    layer = network()
    rest = load_parameters(layer, tmp_path / "model.pkl")
    assert is_loaded(layer)
    assert sorted(rest) == ["mean image", "synset words"]
    assert rest["synset words"] == ["tench", "cafe\xe9"]
    np.testing.assert_array_equal(rest["mean image"], [[103.5, 116.5, 123.5]])


def test_a_text_pickle_of_python_2_fills_a_network(tmp_path):
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntp3\nS'b'\np4\n"
        b"tp5\nRp6\n(I1\n(I2\ntp7\ncnumpy\ndtype\np8\n(S'f4'\np9\nI0\nI1\ntp10\nRp11\n(I3\nS'<'\n"
        b"p12\nNNNI-1\nI-1\nI0\ntp13\nbI00\nS'\\x00\\x00\\xe0@\\x00\\x00\\x00\\xc1'\np14\ntp15\nb"
    )
    (tmp_path / "model.p").write_bytes(b"(lp0\n" + array + b"a.")
    (found,), _ = read_parameters(tmp_path / "model.p")
    np.testing.assert_array_equal(found, B)
    assert found.dtype == np.float32


ARRAYS = {
    "big-endian": np.array([1.5, 2.5], ">f4"),
    "double": np.linspace(0, 1, 5),
    "half": np.array([[0.5]], np.float16),
    "ints": np.array([[-1, 2]], np.int64),
    "bools": np.array([True, False]),
    "fortran": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    "strided": np.arange(24.0).reshape(4, 6)[::2, ::3],
    "zero-dimensional": np.array(3.0),
    "scalar": np.float32(1.25),
    "empty": np.zeros((0, 3), np.float32),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_arrays_of_all_kinds_are_read_exactly(tmp_path, name, protocol):
    array = ARRAYS[name]
    (tmp_path / "model.pkl").write_bytes(pickle.dumps((array, array), protocol))
    (found, again), _ = read_parameters(tmp_path / "model.pkl")
    assert found.dtype == np.asarray(array).dtype.newbyteorder("=")
    assert found.shape == again.shape == np.shape(array)
    np.testing.assert_array_equal(found, array)


def test_texts_and_ordered_dicts_beside_the_values_are_read(tmp_path):
    content = collections.OrderedDict(
        [("values", [W, B]), ("synset words", np.array(["tench", "a cat"])), ("top 5", (1, None))]
    )
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(content))
    rest = load_parameters(network(), tmp_path / "model.pkl")
    assert rest["synset words"].tolist() == ["tench", "a cat"]
    assert rest["top 5"] == (1, None)


def test_a_dict_of_layers_stands_for_all_of_them_and_tags_choose(tmp_path):
    source = models.resnet_cifar(8, (3, 8, 8), 2)
    values = layers.get_all_param_values(source["prob"], trainable=True)
    np.savez(tmp_path / "values.npz", *values)
    target = models.resnet_cifar(8, (3, 8, 8), 2)
    load_parameters(target, tmp_path / "values.npz", trainable=True)
    loaded = layers.get_all_param_values(target["prob"], trainable=True)
    for one, other in zip(values, loaded, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ModelFileError, match="got 23 values, but there are 37"):
        load_parameters(target, tmp_path / "values.npz")


def test_the_published_form_of_a_network_fills_it(tmp_path):
    net = models.cifar10_nin()
    rng = np.random.RandomState(0)
    values = [rng.normal(size=p.get_value().shape).astype("float32")
              for p in layers.get_all_params(net["output"])]  # fmt: skip
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"param values": values}, 2))
    load_parameters(net["output"], tmp_path / "model.pkl")
    np.testing.assert_array_equal(net["conv2"].W.get_value(), values[6])
    np.testing.assert_array_equal(net["cccp6"].b.get_value(), values[-1])


# --------------------------------------------------------------------- files that do not fit


def test_values_that_do_not_fit_change_nothing(tmp_path):
    layer = network()
    before = layers.get_all_param_values(layer)
    np.savez(tmp_path / "a.npz", W, np.ones(3))
    np.savez(tmp_path / "b.npz", W)
    for name, message in (("a", r"has the shape \(3,\)"), ("b", "got 1 values")):
        with pytest.raises(ModelFileError, match=rf"{name}\.npz does not fit.*{message}"):
            load_parameters(layer, tmp_path / f"{name}.npz")
    for old, new in zip(before, layers.get_all_param_values(layer), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_missing_file_and_a_directory_are_reported(tmp_path):
    with pytest.raises(ModelFileError, match="no such file"):
        read_parameters(tmp_path / "none.pkl")
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_parameters(tmp_path)


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "pkl"])
def test_a_file_that_is_cut_short_is_reported_wherever_it_is_cut(tmp_path, suffix):
    path = tmp_path / f"model.{suffix}"
    if suffix == "npz":
        np.savez(path, W, B)
    elif suffix == "pkl":
        path.write_bytes(pickle.dumps([W, B]))
    else:
        safetensors.numpy.save_file({"arr_0": W, "arr_1": B}, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match="model"):
            read_parameters(path)


def test_unnumbered_arrays_and_unknown_keys_are_reported(tmp_path):
    np.savez(tmp_path / "a.npz", first=W, second=B)
    with pytest.raises(ModelFileError, match="'first', 'second'"):
        read_parameters(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", arr_0=W, arr_2=B)
    with pytest.raises(ModelFileError, match="'arr_0', 'arr_2'"):
        load_parameters(network(), tmp_path / "b.npz")
    (tmp_path / "c.pkl").write_bytes(pickle.dumps({"weights": [W]}))
    with pytest.raises(ModelFileError, match=r"'weights'.*'param values'"):
        read_parameters(tmp_path / "c.pkl")
    for content in (W, [W, "text"], {"values": "text"}, 3):
        (tmp_path / "d.pkl").write_bytes(pickle.dumps(content))
        with pytest.raises(ModelFileError, match="no list of arrays"):
            read_parameters(tmp_path / "d.pkl")


# --------------------------------------------------------------------- pickles that attack


class Calls:
    """Pickles as a call."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


def touch(path):
    return f"open({str(path)!r}, 'w').close()"


def attacks(path):
    """Pickles that make a file if they are loaded as usual, and the name that is refused."""
    shell, code = f"touch {path}", touch(path)
    system = f"{os.system.__module__}.system"
    line = b"V" + shell.encode() + b"\n"
    reached = b"cbuiltins\ngetattr\n(cbuiltins\ngetattr\n(cos\npath\nVos\ntRVsystem\ntR("
    short = b"X" + struct.pack("<I", len(code)) + code.encode()
    array = pickle.dumps(B, 2)[:-1]
    return {
        "a call": (pickle.dumps(Calls(os.system, shell)), system),
        "a call in text": (b"cos\nsystem\n(" + line + b"tR.", "os.system"),
        "eval": (pickle.dumps(Calls(eval, code)), "builtins.eval"),
        "exec": (pickle.dumps(Calls(exec, code), 0), "__builtin__.exec"),
        "eval of Python 2": (b"\x80\x02c__builtin__\neval\n" + short + b"\x85R.", "__builtin__"),
        "getattr": (reached + line + b"tR.", "builtins.getattr"),
        "a partial function": (pickle.dumps(Calls(partial(os.system, shell))), "functools.partial"),
        "a process": (
            pickle.dumps(Calls(subprocess.call, ["touch", str(path)])), "subprocess.call"),
        "an instance": (b"(" + line + b"ios\nsystem\n.", "os.system"),
        "an object": (b"(cos\nsystem\n" + line + b"o.", "os.system"),
        "a global of the stack": (
            b"\x80\x04\x8c\x02os\x8c\x06system\x93" + line + b"\x85R.", "os.system"),
        "a dotted name": (
            b"\x80\x04\x8c\x02os\x8c\x0epath.os.system\x93" + line + b"\x85R.",
            "os.path.os.system"),
        "after good arrays": (pickle.dumps([W, B, Calls(os.system, shell)]), system),
        "beside the values": (
            pickle.dumps({"values": [W, B], "mean image": Calls(eval, code)}), "builtins.eval"),
        "as a key": (pickle.dumps({Calls(eval, code): 1}), "eval"),
        "in an array of objects": (
            pickle.dumps(np.array([Calls(eval, code), 1], dtype=object)), "'O8'"),
        "thrown away": (array + b"cos\nsystem\n(" + line + b"tR0.", "os.system"),
    }  # fmt: skip


@pytest.mark.parametrize("name", attacks("x"))
def test_a_hostile_pickle_is_refused_by_name_and_runs_nothing(tmp_path, name):
    data, refused = attacks(tmp_path / "proof")[name]
    (tmp_path / "model.pkl").write_bytes(data)
    with pytest.raises(ModelFileError, match=re.escape(refused)) as caught:
        load_parameters(network(), tmp_path / "model.pkl")
    assert "can run any program" in str(caught.value)
    assert not (tmp_path / "proof").exists()
    # Loaded as usual, it does run.
    pickle.loads(data, encoding="latin1")
    assert (tmp_path / "proof").exists()


@pytest.fixture
def registered_extension():
    copyreg.add_extension(os.system.__module__, "system", 240)
    yield 240
    copyreg.remove_extension(os.system.__module__, "system", 240)


def test_registered_extensions_are_refused(tmp_path, registered_extension):
    (tmp_path / "model.pkl").write_bytes(b"\x80\x02\x82" + bytes([registered_extension]) + b".")
    with pytest.raises(ModelFileError, match=r"the name \w+\.system"):
        read_parameters(tmp_path / "model.pkl")


def array_of(dtype=b"U\x02f4", state=b"K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00",
             cls=b"cnumpy\nndarray\n", shape=b"K\x02",
             data=b"U\x08\0\0\xe0@\0\0\0\xc1"):  # fmt: skip
    return (
        b"\x80\x02]cnumpy.core.multiarray\n_reconstruct\n" + cls + b"K\x00\x85U\x01b\x87R(K\x01"
        + shape + b"\x85cnumpy\ndtype\n" + dtype + b"K\x00K\x01\x87R(" + state + b"tb\x89"
        + data + b"tba."
    )  # fmt: skip


FIELDS = b"K\x03U\x01|NU\x01a\x85}U\x01aK\x01sK\x08K\x01K\x10"
ORDER = b"K\x03U\x03f4,NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00"

STRANGE = {
    "assignment": (b"\x80\x02cnumpy\ndtype\nN}U\x04nameK\x01s\x86b.", "assignment to attributes"),
    "persistent": (b"Pname\n.", "an object outside of it"),
    "class": (array_of(cls=b"cnumpy\ndtype\n"), "class of its own"),
    "object array": (array_of(b"U\x02O8"), "'O8'"),
    "void array": (array_of(b"U\x02V8"), "'V8'"),
    "field list": (array_of(b"U\x0ai4,object_"), "'i4,object_'"),
    "fields": (array_of(state=FIELDS), "structured type"),
    "byte order": (array_of(state=ORDER), "structured type"),
    "too large": (array_of(shape=b"K\x03"), "does not fit its shape"),
    "negative": (array_of(shape=b"J\xfe\xff\xff\xff"), "without a shape"),
    "list as data": (array_of(data=b"]"), "array of objects"),
    "call of a class": (b"cnumpy\nndarray\n(I1\ntR.", "no function"),
    "no values": (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR.",
                  "without values"),
    "bare name": (b"cnumpy\nndarray\n.", "no array, number, text or container"),
    "itself": (b"\x80\x02]q\x00h\x00a.", "holds itself"),
    "numbered": (b"\x80\x02}K\x01K\x02s.", "keys are not texts"),
    "set": (pickle.dumps({1, 2}, 4), "set"),
    "encoding": (b"c_codecs\nencode\n(Va\nVrot13\ntR.", "'rot13'"),
    "another class": (pickle.dumps(pathlib.PurePosixPath("a")), "PurePosixPath"),
    "a function of numpy": (b"cnumpy\nload\n(Vfile\ntR.", "the name numpy.load"),
}  # fmt: skip


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_array_in_a_plain_container_is_refused(tmp_path, name):
    data, message = STRANGE[name]
    (tmp_path / "model.pkl").write_bytes(data)
    with pytest.raises(ModelFileError, match=re.escape(message)):
        read_parameters(tmp_path / "model.pkl")


def test_the_strange_pickles_differ_from_a_good_one_in_one_thing(tmp_path):
    (tmp_path / "model.pkl").write_bytes(array_of())
    (found,), _ = read_parameters(tmp_path / "model.pkl")
    np.testing.assert_array_equal(found, B)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02cnumpy\nndarray\n)\x81.",
        b"\x8e" + b"\xff" * 7 + b"\x7f",
        b"\x80\x04\x95" + b"\xff" * 8,
        b"not a pickle",
        b"",
    ],
    ids=["new object", "huge", "huge frame", "text", "empty"],
)
def test_damaged_pickles_are_reported(tmp_path, data):
    (tmp_path / "model.pkl").write_bytes(data)
    with pytest.raises(ModelFileError, match="damaged, cut short or no file of parameters"):
        read_parameters(tmp_path / "model.pkl")


def test_containers_that_are_shared_are_not_unfolded(tmp_path):
    nested = [W]
    for _ in range(60):
        nested = [nested, nested]
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"values": [W], "nested": nested}))
    values, rest = read_parameters(tmp_path / "model.pkl")
    assert len(values) == 1
    assert rest["nested"][0] is rest["nested"][1]


def test_arrays_of_objects_in_an_npz_file_are_refused(tmp_path):
    np.savez(tmp_path / "model.npz", np.array([Calls(eval, "1"), None], dtype=object))
    with pytest.raises(ModelFileError, match="Object arrays cannot be loaded"):
        read_parameters(tmp_path / "model.npz")
