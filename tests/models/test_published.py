"""The published networks have the layers, shapes and parameters of the publications."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytensor
import pytest

from nncore import init, layers, models

ZEROS = init.Constant(0)


def conv(name, filters, channels, *size):
    return [(f"{name}.W", (filters, channels, *size)), (f"{name}.b", (filters,))]


def dense(name, inputs, units):
    return [(f"{name}.W", (inputs, units)), (f"{name}.b", (units,))]


def bn(name, channels):
    return [(f"{name}.{what}", (channels,)) for what in ("beta", "gamma", "mean", "inv_std")]


def listed(layer):
    return [(p.name, p.get_value(borrow=True).shape) for p in layers.get_all_params(layer)]


def numbers(table):
    return sum(math.prod(shape) for _, shape in table)


def vgg_table(*convolutions):
    table, channels = [], 3
    for group, (count, filters) in enumerate(
        zip(convolutions, (64, 128, 256, 512, 512), strict=True), 1
    ):
        for index in range(count):
            table += conv(f"conv{group}_{index + 1}", filters, channels, 3, 3)
            channels = filters
    return table + dense("fc6", 512 * 7 * 7, 4096) + dense("fc7", 4096, 4096) + dense(
        "fc8", 4096, 1000
    )  # fmt: skip


def test_vgg16_has_its_published_parameters_in_their_published_order():
    # Table 2 of arXiv:1409.1556 says 138 million for configuration D.
    net = models.vgg16(W=ZEROS)
    table = vgg_table(2, 2, 3, 3, 3)
    assert listed(net["prob"]) == table
    assert layers.count_params(net["prob"]) == numbers(table) == 138_357_544
    assert list(net) == [
        "input", "conv1_1", "conv1_2", "pool1", "conv2_1", "conv2_2", "pool2",
        "conv3_1", "conv3_2", "conv3_3", "pool3", "conv4_1", "conv4_2", "conv4_3", "pool4",
        "conv5_1", "conv5_2", "conv5_3", "pool5", "fc6", "fc6_dropout", "fc7", "fc7_dropout",
        "fc8", "prob",
    ]  # fmt: skip
    assert net["pool5"].output_shape == (None, 512, 7, 7)


def test_vgg19_has_its_published_parameters_in_their_published_order():
    # Table 2 of arXiv:1409.1556 says 144 million for configuration E.
    net = models.vgg19(W=ZEROS)
    table = vgg_table(2, 2, 4, 4, 4)
    assert listed(net["prob"]) == table
    assert layers.count_params(net["prob"]) == numbers(table) == 143_667_240


def test_the_slow_network_of_chatfield_has_the_parameters_of_its_table():
    # Table 1 of arXiv:1405.3531, row CNN-S.
    net = models.vgg_cnn_s(W=ZEROS)
    table = (
        conv("conv1", 96, 3, 7, 7)
        + conv("conv2", 256, 96, 5, 5)
        + conv("conv3", 512, 256, 3, 3)
        + conv("conv4", 512, 512, 3, 3)
        + conv("conv5", 512, 512, 3, 3)
        + dense("fc6", 512 * 6 * 6, 4096)
        + dense("fc7", 4096, 4096)
        + dense("fc8", 4096, 1000)
    )
    assert listed(net["prob"]) == table
    assert layers.count_params(net["prob"]) == numbers(table)
    sizes = {name: layer.output_shape[2:] for name, layer in net.items() if name[:4] == "pool"}
    assert sizes == {"pool1": (37, 37), "pool2": (17, 17), "pool5": (6, 6)}
    norm = net["norm1"]
    assert (norm.alpha, norm.k, norm.beta, norm.n) == (0.0001, 2, 0.75, 5)
    assert (net["drop6"].p, net["drop7"].p) == (0.5, 0.5)


def test_the_reference_network_of_caffe_has_its_published_parameters():
    # Krizhevsky et al. (2012) say 60 million; the Caffe model has 60,965,224.
    net = models.caffe_reference(W=ZEROS)
    table = conv("conv1", 96, 3, 11, 11)
    table += conv("conv2_part1", 128, 48, 5, 5) + conv("conv2_part2", 128, 48, 5, 5)
    table += conv("conv3", 384, 256, 3, 3)
    table += conv("conv4_part1", 192, 192, 3, 3) + conv("conv4_part2", 192, 192, 3, 3)
    table += conv("conv5_part1", 128, 192, 3, 3) + conv("conv5_part2", 128, 192, 3, 3)
    table += dense("fc6", 256 * 6 * 6, 4096) + dense("fc7", 4096, 4096) + dense("fc8", 4096, 1000)
    assert listed(net["fc8"]) == table
    assert layers.count_params(net["fc8"]) == numbers(table) == 60_965_224
    sizes = [net[name].output_shape[1:] for name in ("conv1", "pool1", "conv2", "pool2", "pool5")]
    assert sizes == [(96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (256, 6, 6)]
    assert list(net)[:9] == [
        "data", "conv1", "pool1", "norm1", "conv2_data1", "conv2_data2", "conv2_part1",
        "conv2_part2", "conv2",
    ]  # fmt: skip
    assert net["norm1"].alpha == pytest.approx(2e-5)
    assert net["norm2"].k == 1


def test_the_halves_of_a_convolution_see_the_halves_of_the_channels():
    net = models.caffe_reference((3, 99, 99), 10, W=ZEROS)
    for name, channels in (("conv2", 96), ("conv4", 384), ("conv5", 384)):
        first, second = net[f"{name}_data1"], net[f"{name}_data2"]
        assert net[f"{name}_part1"].input_layer is first
        assert net[f"{name}_part2"].input_layer is second
        seen = [list(range(channels))[layer.slice] for layer in (first, second)]
        assert seen[0] + seen[1] == list(range(channels))
        assert len(seen[0]) == channels // 2


#: Table 1 of arXiv:1409.4842: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj.
INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def inception_table(module, channels):
    one, reduce3, three, reduce5, five, projection = INCEPTION[module]
    name = f"inception_{module}"
    return (
        conv(f"{name}/1x1", one, channels, 1, 1)
        + conv(f"{name}/3x3_reduce", reduce3, channels, 1, 1)
        + conv(f"{name}/3x3", three, reduce3, 3, 3)
        + conv(f"{name}/5x5_reduce", reduce5, channels, 1, 1)
        + conv(f"{name}/5x5", five, reduce5, 5, 5)
        + conv(f"{name}/pool_proj", projection, channels, 1, 1)
    )


def test_googlenet_has_its_published_parameters_in_their_published_order():
    # The model that comes with Caffe has 6,998,552.
    net = models.googlenet(W=ZEROS)
    table = conv("conv1/7x7_s2", 64, 3, 7, 7)
    table += conv("conv2/3x3_reduce", 64, 64, 1, 1) + conv("conv2/3x3", 192, 64, 3, 3)
    channels = 192
    for module, (one, _, three, _, five, projection) in INCEPTION.items():
        table += inception_table(module, channels)
        channels = one + three + five + projection
        assert net[f"inception_{module}/output"].output_shape[1] == channels
    table += dense("loss3/classifier", 1024, 1000)
    assert listed(net["prob"]) == table
    assert layers.count_params(net["prob"]) == numbers(table) == 6_998_552


def test_googlenet_has_its_published_sizes_and_takes_others():
    net = models.googlenet(W=ZEROS)
    names = ["conv1/7x7_s2", "pool1/3x3_s2", "conv2/3x3", "pool2/3x3_s2", "inception_3b/output",
             "pool3/3x3_s2", "pool4/3x3_s2", "inception_5b/output", "pool5/7x7_s1"]  # fmt: skip
    shapes = layers.get_output_shape([net[name] for name in names], (1, 3, 224, 224))
    assert [shape[1:] for shape in shapes] == [
        (64, 112, 112), (64, 56, 56), (192, 56, 56), (192, 28, 28), (480, 28, 28),
        (480, 14, 14), (832, 7, 7), (1024, 7, 7), (1024,),
    ]  # fmt: skip
    assert layers.get_output_shape(net["prob"], (2, 3, 320, 200)) == (2, 1000)
    norms = [net["pool1/norm1"], net["conv2/norm2"]]
    assert [(norm.alpha, norm.k, norm.n) for norm in norms] == [(2e-5, 1, 5)] * 2
    assert len(net) == 8 + 9 * 8 + 2 + 3


def resnet50_table():
    table = conv("conv1", 64, 3, 7, 7) + bn("bn_conv1", 64)
    channels = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 2):
        for block in [f"{stage}{letter}" for letter in "abcdef"[:blocks]]:
            parts = [
                ("2a", width, channels, 1),
                ("2b", width, width, 3),
                ("2c", 4 * width, width, 1),
            ]
            if block[1] == "a":
                parts.insert(0, ("1", 4 * width, channels, 1))
            for branch, filters, inputs, size in parts:
                table += conv(f"res{block}_branch{branch}", filters, inputs, size, size)[:1]
                table += bn(f"bn{block}_branch{branch}", filters)
            channels = 4 * width
    return table + dense("fc1000", 2048, 1000)


def test_resnet50_has_its_published_parameters_in_their_published_order():
    # 25,557,032 weights is what others count for ResNet-50; here conv1 has 64 biases besides.
    net = models.resnet50(W=ZEROS)
    table = resnet50_table()
    assert listed(net["prob"]) == table
    learned = [(name, shape) for name, shape in table if not name.endswith(("mean", "inv_std"))]
    trainable = layers.count_params(net["prob"], trainable=True)
    assert trainable == numbers(learned) == 25_557_032 + 64
    assert layers.count_params(net["prob"], batch_norm_stat=True) == 53_120


def test_resnet50_has_its_published_sizes():
    # Table 1 of arXiv:1512.03385.
    net = models.resnet50(W=ZEROS)
    names = ["conv1", "pool1", "res2c", "res3d", "res4f", "res5c", "pool5", "prob"]
    assert [net[name].output_shape[1:] for name in names] == [
        (64, 112, 112), (64, 56, 56), (256, 56, 56), (512, 28, 28), (1024, 14, 14),
        (2048, 7, 7), (2048, 1, 1), (1000,),
    ]  # fmt: skip
    assert list(net)[5:19] == [
        "res2a_branch2a", "bn2a_branch2a", "res2a_branch2a_relu", "res2a_branch2b",
        "bn2a_branch2b", "res2a_branch2b_relu", "res2a_branch2c", "bn2a_branch2c",
        "res2a_branch1", "bn2a_branch1", "res2a", "res2a_relu", "res2b_branch2a",
        "bn2b_branch2a",
    ]  # fmt: skip
    assert net["res3a_branch2a"].stride == net["res3a_branch1"].stride == (2, 2)
    assert net["res2a_branch2a"].stride == net["res3a_branch2b"].stride == (1, 1)


def inception_v3_shapes():
    """Filters of all convolutions in the order of the published values."""

    def a(channels, pool):
        return [(64, channels, 1, 1), (48, channels, 1, 1), (64, 48, 5, 5), (64, channels, 1, 1),
                (96, 64, 3, 3), (96, 96, 3, 3), (pool, channels, 1, 1)]  # fmt: skip

    def c(n):
        return [(192, 768, 1, 1), (n, 768, 1, 1), (n, n, 1, 7), (192, n, 7, 1), (n, 768, 1, 1),
                (n, n, 7, 1), (n, n, 1, 7), (n, n, 7, 1), (192, n, 1, 7),
                (192, 768, 1, 1)]  # fmt: skip

    def e(channels):
        return [(320, channels, 1, 1), (384, channels, 1, 1), (384, 384, 1, 3), (384, 384, 3, 1),
                (448, channels, 1, 1), (384, 448, 3, 3), (384, 384, 1, 3), (384, 384, 3, 1),
                (192, channels, 1, 1)]  # fmt: skip

    stem = [(32, 3, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (80, 64, 1, 1), (192, 80, 3, 3)]
    b = [(384, 288, 3, 3), (64, 288, 1, 1), (96, 64, 3, 3), (96, 96, 3, 3)]
    d = [(192, 768, 1, 1), (320, 192, 3, 3), (192, 768, 1, 1), (192, 192, 1, 7), (192, 192, 7, 1),
         (192, 192, 3, 3)]  # fmt: skip
    return [
        *stem, *a(192, 32), *a(256, 64), *a(288, 64), *b, *c(128), *c(160), *c(160), *c(192), *d,
        *e(1280), *e(2048),
    ]  # fmt: skip


def test_inception_v3_has_its_published_parameters_in_their_published_order():
    # With 1000 classes others count 23,834,568 weights for it without the auxiliary classifier.
    net = models.inception_v3(num_classes=1000, W=ZEROS)
    filters = inception_v3_shapes()
    expected = [shape for one in filters for shape in [one, *[one[:1]] * 4]]
    expected += [(2048, 1000), (1000,)]
    assert [shape for _, shape in listed(net["softmax"])] == expected
    kinds = [name.rsplit(".", 1)[1] for name, _ in listed(net["softmax"])]
    assert kinds[:5] == ["W", "beta", "gamma", "mean", "inv_std"]
    channels = sum(one[0] for one in filters)
    count = sum(map(math.prod, filters)) + 2 * channels + 2048 * 1000 + 1000
    assert layers.count_params(net["softmax"], trainable=True) == count == 23_834_568
    assert layers.count_params(net["softmax"], batch_norm_stat=True) == 2 * channels


def test_inception_v3_has_its_published_sizes():
    # Table 1 of arXiv:1512.00567.
    net = models.inception_v3(W=ZEROS)
    names = ["conv", "conv_1", "conv_2", "pool", "conv_3", "conv_4", "pool_1", "mixed/join",
             "mixed_2/join", "mixed_3/join", "mixed_7/join", "mixed_8/join", "mixed_10/join",
             "pool3", "softmax"]  # fmt: skip
    assert [net[name].output_shape[1:] for name in names] == [
        (32, 149, 149), (32, 147, 147), (64, 147, 147), (64, 73, 73), (80, 73, 73),
        (192, 71, 71), (192, 35, 35), (256, 35, 35), (288, 35, 35), (768, 17, 17), (768, 17, 17),
        (1280, 8, 8), (2048, 8, 8), (2048,), (1008,),
    ]  # fmt: skip
    modes = {layer.name: layer.mode for layer in layers.get_all_layers(net["softmax"])
             if isinstance(layer, layers.Pool2DLayer)}  # fmt: skip
    assert modes["mixed_9/pool"] == modes["mixed/pool"] == "average_exc_pad"
    assert modes["mixed_10/pool"] == modes["mixed_3/pool"] == modes["mixed_8/pool"] == "max"
    norms = [layer for layer in layers.get_all_layers(net["softmax"])
             if isinstance(layer, layers.BatchNormLayer)]  # fmt: skip
    assert {norm.epsilon for norm in norms} == {0.001}


def test_network_in_network_has_its_published_parameters_in_their_published_order():
    net = models.cifar10_nin()
    table = (
        conv("conv1", 192, 3, 5, 5)
        + conv("cccp1", 160, 192, 1, 1)
        + conv("cccp2", 96, 160, 1, 1)
        + conv("conv2", 192, 96, 5, 5)
        + conv("cccp3", 192, 192, 1, 1)
        + conv("cccp4", 192, 192, 1, 1)
        + conv("conv3", 192, 192, 3, 3)
        + conv("cccp5", 192, 192, 1, 1)
        + conv("cccp6", 10, 192, 1, 1)
    )
    assert listed(net["output"]) == table
    assert layers.count_params(net["output"]) == numbers(table) == 966_986
    sizes = [net[name].output_shape[2:] for name in ("pool1", "pool2", "pool3")]
    assert sizes == [(16, 16), (8, 8), (1, 1)]


def test_c3d_has_the_parameters_of_its_figure():
    # Figure 3 of arXiv:1412.0767.
    net = models.c3d(W=ZEROS)
    names = ["conv1a", "conv2a", "conv3a", "conv3b", "conv4a", "conv4b", "conv5a", "conv5b"]
    channels = [3, 64, 128, 256, 256, 512, 512, 512, 512]
    table = []
    for name, (inputs, filters) in zip(names, pairwise(channels), strict=True):
        table += conv(name, filters, inputs, 3, 3, 3)
    table += dense("fc6-1", 8192, 4096) + dense("fc7-1", 4096, 4096) + dense("fc8-1", 4096, 487)
    assert listed(net["prob"]) == table
    assert layers.count_params(net["prob"]) == numbers(table)
    sizes = [net[f"pool{n}"].output_shape[2:] for n in range(1, 6)]
    assert sizes == [(16, 56, 56), (8, 28, 28), (4, 14, 14), (2, 7, 7), (1, 4, 4)]


def test_a_u_net_has_the_parameters_of_its_figure():
    # Figure 1 of arXiv:1505.04597, but the transposed convolutions keep the number of channels.
    net = models.unet(W=ZEROS)
    table, channels = [], 1
    for level, filters in enumerate((64, 128, 256, 512, 1024), 1):
        for index in (1, 2):
            name = f"contr_{level}_{index}" if level < 5 else f"encode_{index}"
            table += conv(name, filters, channels, 3, 3)[:1] + bn(f"{name}_bn", filters)
            channels = filters
    for level, filters in enumerate((512, 256, 128, 64), 1):
        table += [(f"upscale{level}.W", (channels, channels, 2, 2))]
        table += bn(f"upscale{level}_bn", channels)
        channels += filters
        for index in (1, 2):
            name = f"expand_{level}_{index}"
            table += conv(name, filters, channels, 3, 3)[:1] + bn(f"{name}_bn", filters)
            channels = filters
    table += conv("output_segmentation", 2, 64, 1, 1)
    assert listed(net["output_flattened"]) == table
    assert net["concat4"].output_shape == (None, 192, 128, 128)


def test_a_u_net_without_padding_crops_as_in_the_paper():
    # Figure 1 of arXiv:1505.04597.
    net = models.unet(pad="valid", input_dim=(572, 572), W=ZEROS, base_n_filters=1)
    names = ["contr_1_2", "contr_4_2", "encode_2", "upscale1", "concat1", "expand_1_2",
             "expand_4_2", "output_segmentation"]  # fmt: skip
    assert [net[name].output_shape[2] for name in names] == [568, 64, 28, 56, 56, 52, 388, 388]


def test_dropout_in_a_u_net_is_an_option():
    kinds = {True: 1, False: 0}
    for choice, count in kinds.items():
        net = models.unet(do_dropout=choice, input_dim=(16, 16), base_n_filters=1)
        found = [layer for layer in layers.get_all_layers(net["output_flattened"])
                 if isinstance(layer, layers.DropoutLayer)]  # fmt: skip
        assert [layer.p for layer in found] == [0.4] * count


@pytest.mark.parametrize(
    ("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
)
def test_residual_networks_for_cifar_have_their_published_sizes(depth, millions):
    # Table 6 of arXiv:1512.03385.
    net = models.resnet_cifar(depth, W=ZEROS)
    n = (depth - 2) // 6
    sizes = [(16, 3)] + [(16, 16)] * 2 * n
    sizes += [(32, 16)] + [(32, 32)] * (2 * n - 1) + [(64, 32)] + [(64, 64)] * (2 * n - 1)
    expected = sum(9 * a * b + 2 * a for a, b in sizes) + 64 * 10 + 10
    count = layers.count_params(net["prob"], trainable=True)
    assert count == expected
    assert count / 1e6 == pytest.approx(millions, rel=0.02)
    weights = [name for name, shape in listed(net["prob"]) if len(shape) > 1]
    assert len(weights) == depth


@pytest.mark.parametrize(
    ("depth", "bottleneck", "count"),
    [(20, False, 272_282), (110, False, 1_730_522), (164, True, 1_703_258)],
)
def test_preactivated_residual_networks_have_their_published_sizes(depth, bottleneck, count):
    # arXiv:1603.05027 says 1.7 million for 110 and for 164 layers; the exact numbers are those of
    # other implementations.
    net = models.preactivation_resnet(depth, bottleneck=bottleneck, W=ZEROS)
    assert layers.count_params(net["prob"], trainable=True) == count
    weights = [name for name, shape in listed(net["prob"]) if len(shape) > 1]
    shortcuts = [name for name in weights if "shortcut" in name]
    assert len(weights) - len(shortcuts) == depth
    assert len(shortcuts) == (3 if bottleneck else 2)


@pytest.mark.parametrize("build", [models.resnet_cifar, models.preactivation_resnet])
def test_an_impossible_depth_or_shortcut_is_refused(build):
    for depth in (2, 21, 20.0, True):
        with pytest.raises(ValueError, match=r"6 n \+ 2 .* 8, 14, 20"):
            build(depth)
    with pytest.raises(ValueError, match="'pad' or 'projection'"):
        build(8, shortcut="none")


@pytest.mark.parametrize("build", [models.resnet_cifar, models.preactivation_resnet])
def test_a_shortcut_without_parameters_thins_out_and_adds_zeros(build, fast):
    # With filters of zeros only the shortcuts are left.
    net = build(8, (16, 8, 8), shortcut="pad", W=ZEROS)
    x = np.abs(np.random.RandomState(0).normal(size=(2, 16, 8, 8))).astype("float32")
    start = net["block1_1/sum"]
    end = layers.get_output(net["block3_1/sum"], {start: x}, deterministic=True)
    expected = np.zeros((2, 64, 2, 2), "float32")
    expected[:, 24:40] = x[:, :, ::4, ::4]
    found = pytensor.function([], end, mode=fast)()
    # The running statistics are 0 and 1, so that normalization changes nothing.
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_preactivated_blocks_do_what_their_formula_says(fast):
    net = models.preactivation_resnet(14, (4, 6, 6), 3)
    rng = np.random.RandomState(1)
    x = rng.normal(size=(2, 16, 6, 6)).astype("float32")
    # x + conv2(relu(bn(conv1(relu(bn(x)))))), with the first block's x replaced.
    first, second = net["block1_1/sum"], net["block1_2/sum"]
    middle = net["block1_2/conv1"]
    outputs = layers.get_output([second, middle], {first: x}, deterministic=True)
    whole, inner = pytensor.function([], outputs, mode=fast)()

    def convolved(image, layer):
        W = layer.W.get_value()[:, :, ::-1, ::-1]
        padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        return np.einsum("ncyxij,fcij->nfyx", windows, W)

    np.testing.assert_allclose(inner, convolved(np.maximum(x, 0), middle), rtol=1e-3, atol=1e-4)
    expected = x + convolved(np.maximum(inner, 0), net["block1_2/conv2"])
    np.testing.assert_allclose(whole, expected, rtol=1e-3, atol=1e-4)


SMALL = {
    "vgg16": ((3, 32, 32), False),
    "vgg19": ((3, 32, 32), False),
    "vgg_cnn_s": ((3, 80, 80), False),
    "caffe_reference": ((3, 67, 67), True),
    "googlenet": ((3, 32, 32), False),
    "inception_v3": ((3, 80, 80), True),
    "resnet50": ((3, 32, 32), False),
    "cifar10_nin": ((3, 32, 32), False),
    "c3d": ((3, 16, 32, 32), False),
}


@pytest.mark.parametrize("name", SMALL)
def test_what_is_chosen_reaches_every_layer(name):
    shape, flipped = SMALL[name]
    net = getattr(models, name)(shape, 7, W=ZEROS, implementation="reference")
    last = next(reversed(net.values()))
    assert last.output_shape == (None, 7)
    found = layers.get_all_layers(last)
    assert net[next(iter(net))] is found[0]
    convolutions = [layer for layer in found if hasattr(layer, "flip_filters")]
    assert {layer.implementation for layer in convolutions} == {"reference"}
    assert {layer.flip_filters for layer in convolutions} == {flipped}
    weights = [layer for layer in found if getattr(layer, "W", None) is not None]
    assert not any(layer.W.get_value(borrow=True).any() for layer in weights)


@pytest.mark.parametrize("name", [*SMALL, "resnet_cifar", "preactivation_resnet"])
def test_the_input_can_be_given(name):
    shape = SMALL.get(name, ((3, 8, 8), False))[0]
    variable = pytensor.tensor.tensor("given", dtype="float32", shape=(None, *shape))
    build = getattr(models, name)
    depth = () if name in SMALL else (8,)
    net = build(*depth, shape, 2, input_var=variable, W=ZEROS)
    assert next(iter(net.values())).input_var is variable


@pytest.mark.parametrize("name", ["vgg16", "cifar10_nin", "resnet_cifar"])
def test_every_layer_of_a_network_is_named_as_it_is_found(name):
    shape = SMALL.get(name, ((3, 8, 8), False))[0]
    net = getattr(models, name)(input_shape=shape, num_classes=2, W=ZEROS)
    assert {key: layer.name for key, layer in net.items()} == {key: key for key in net}
    assert set(layers.get_all_layers(next(reversed(net.values())))) == set(net.values())
