"""The public names of Lasagne 0.2.dev1 and their signatures, without its GPU-only modules."""

from __future__ import annotations

#: Module, name, and signature: that of a function, constructor or method in Python's notation,
#: ``property``, ``inherited`` for a class without a constructor of its own, or ``= value``.
NAMES: list[tuple[str, str, str]] = [
    ("init", "Initializer", "inherited"),
    ("init", "Initializer.__call__", "(shape)"),
    ("init", "Initializer.sample", "(shape)"),
    ("init", "Normal", "(std=0.01, mean=0.0)"),
    ("init", "Normal.sample", "(shape)"),
    ("init", "Uniform", "(range=0.01, std=None, mean=0.0)"),
    ("init", "Uniform.sample", "(shape)"),
    ("init", "Glorot", "(initializer, gain=1.0, c01b=False)"),
    ("init", "Glorot.sample", "(shape)"),
    ("init", "GlorotNormal", "(gain=1.0, c01b=False)"),
    ("init", "GlorotUniform", "(gain=1.0, c01b=False)"),
    ("init", "He", "(initializer, gain=1.0, c01b=False)"),
    ("init", "He.sample", "(shape)"),
    ("init", "HeNormal", "(gain=1.0, c01b=False)"),
    ("init", "HeUniform", "(gain=1.0, c01b=False)"),
    ("init", "Constant", "(val=0.0)"),
    ("init", "Constant.sample", "(shape)"),
    ("init", "Sparse", "(sparsity=0.1, std=0.01)"),
    ("init", "Sparse.sample", "(shape)"),
    ("init", "Orthogonal", "(gain=1.0)"),
    ("init", "Orthogonal.sample", "(shape)"),
    ("nonlinearities", "sigmoid", "(x)"),
    ("nonlinearities", "softmax", "(x)"),
    ("nonlinearities", "tanh", "(x)"),
    ("nonlinearities", "ScaledTanH", "(scale_in=1, scale_out=1)"),
    ("nonlinearities", "ScaledTanH.__call__", "(x)"),
    ("nonlinearities", "ScaledTanh", "= ScaledTanH"),
    ("nonlinearities", "rectify", "(x)"),
    ("nonlinearities", "LeakyRectify", "(leakiness=0.01)"),
    ("nonlinearities", "LeakyRectify.__call__", "(x)"),
    ("nonlinearities", "leaky_rectify", "= LeakyRectify()"),
    ("nonlinearities", "very_leaky_rectify", "= LeakyRectify(1.0 / 3)"),
    ("nonlinearities", "elu", "(x)"),
    ("nonlinearities", "SELU", "(scale=1, scale_neg=1)"),
    ("nonlinearities", "SELU.__call__", "(x)"),
    ("nonlinearities", "selu", "= SELU(scale=1.0507009873554805, scale_neg=1.6732632423543772)"),
    ("nonlinearities", "softplus", "(x)"),
    ("nonlinearities", "linear", "(x)"),
    ("nonlinearities", "identity", "= linear"),
    ("objectives", "align_targets", "(predictions, targets)"),
    ("objectives", "binary_crossentropy", "(predictions, targets)"),
    ("objectives", "categorical_crossentropy", "(predictions, targets)"),
    ("objectives", "squared_error", "(a, b)"),
    ("objectives", "aggregate", "(loss, weights=None, mode='mean')"),
    (
        "objectives",
        "binary_hinge_loss",
        "(predictions, targets, delta=1, log_odds=None, binary=True)",
    ),
    ("objectives", "multiclass_hinge_loss", "(predictions, targets, delta=1)"),
    ("objectives", "huber_loss", "(predictions, targets, delta=1)"),
    ("objectives", "binary_accuracy", "(predictions, targets, threshold=0.5)"),
    ("objectives", "categorical_accuracy", "(predictions, targets, top_k=1)"),
    ("random", "get_rng", "()"),
    ("random", "set_rng", "(new_rng)"),
    ("regularization", "l1", "(x)"),
    ("regularization", "l2", "(x)"),
    ("regularization", "apply_penalty", "(tensor_or_tensors, penalty, **kwargs)"),
    (
        "regularization",
        "regularize_layer_params",
        "(layer, penalty, tags={'regularizable': True}, **kwargs)",
    ),
    (
        "regularization",
        "regularize_layer_params_weighted",
        "(layers, penalty, tags={'regularizable': True}, **kwargs)",
    ),
    (
        "regularization",
        "regularize_network_params",
        "(layer, penalty, tags={'regularizable': True}, **kwargs)",
    ),
    ("updates", "get_or_compute_grads", "(loss_or_grads, params)"),
    ("updates", "sgd", "(loss_or_grads, params, learning_rate)"),
    ("updates", "apply_momentum", "(updates, params=None, momentum=0.9)"),
    ("updates", "momentum", "(loss_or_grads, params, learning_rate, momentum=0.9)"),
    ("updates", "apply_nesterov_momentum", "(updates, params=None, momentum=0.9)"),
    ("updates", "nesterov_momentum", "(loss_or_grads, params, learning_rate, momentum=0.9)"),
    ("updates", "adagrad", "(loss_or_grads, params, learning_rate=1.0, epsilon=1e-06)"),
    ("updates", "rmsprop", "(loss_or_grads, params, learning_rate=1.0, rho=0.9, epsilon=1e-06)"),
    ("updates", "adadelta", "(loss_or_grads, params, learning_rate=1.0, rho=0.95, epsilon=1e-06)"),
    (
        "updates",
        "adam",
        "(loss_or_grads, params, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08)",
    ),
    (
        "updates",
        "adamax",
        "(loss_or_grads, params, learning_rate=0.002, beta1=0.9, beta2=0.999, epsilon=1e-08)",
    ),
    (
        "updates",
        "amsgrad",
        "(loss_or_grads, params, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08)",
    ),
    ("updates", "norm_constraint", "(tensor_var, max_norm, norm_axes=None, epsilon=1e-07)"),
    (
        "updates",
        "total_norm_constraint",
        "(tensor_vars, max_norm, epsilon=1e-07, return_norm=False)",
    ),
    ("utils", "floatX", "(arr)"),
    ("utils", "shared_empty", "(dim=2, dtype=None)"),
    ("utils", "as_theano_expression", "(input)"),
    ("utils", "collect_shared_vars", "(expressions)"),
    ("utils", "one_hot", "(x, m=None)"),
    ("utils", "unique", "(l)"),
    ("utils", "as_tuple", "(x, N, t=None)"),
    ("utils", "inspect_kwargs", "(func)"),
    ("utils", "compute_norms", "(array, norm_axes=None)"),
    ("utils", "create_param", "(spec, shape, name=None)"),
    (
        "utils",
        "unroll_scan",
        "(fn, sequences, outputs_info, non_sequences, n_steps, go_backwards=False)",
    ),
    ("layers.base", "Layer", "(incoming, name=None)"),
    ("layers.base", "Layer.output_shape", "property"),
    ("layers.base", "Layer.get_params", "(unwrap_shared=True, **tags)"),
    ("layers.base", "Layer.get_output_shape_for", "(input_shape)"),
    ("layers.base", "Layer.get_output_for", "(input, **kwargs)"),
    ("layers.base", "Layer.add_param", "(spec, shape, name=None, **tags)"),
    ("layers.base", "MergeLayer", "(incomings, name=None)"),
    ("layers.base", "MergeLayer.output_shape", "property"),
    ("layers.base", "MergeLayer.get_output_shape_for", "(input_shapes)"),
    ("layers.base", "MergeLayer.get_output_for", "(inputs, **kwargs)"),
    ("layers.conv", "conv_output_length", "(input_length, filter_size, stride, pad=0)"),
    ("layers.conv", "conv_input_length", "(output_length, filter_size, stride, pad=0)"),
    (
        "layers.conv",
        "BaseConvLayer",
        (
            "(incoming, num_filters, filter_size, stride=1, pad=0, untie_biases=False, "
            "W=init.GlorotUniform(), b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, "
            "flip_filters=True, num_groups=1, n=None, **kwargs)"
        ),
    ),
    ("layers.conv", "BaseConvLayer.get_W_shape", "()"),
    ("layers.conv", "BaseConvLayer.get_output_shape_for", "(input_shape)"),
    ("layers.conv", "BaseConvLayer.get_output_for", "(input, **kwargs)"),
    ("layers.conv", "BaseConvLayer.convolve", "(input, **kwargs)"),
    (
        "layers.conv",
        "Conv1DLayer",
        (
            "(incoming, num_filters, filter_size, stride=1, pad=0, untie_biases=False, "
            "W=init.GlorotUniform(), b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, "
            "flip_filters=True, convolution=conv.conv1d_mc0, **kwargs)"
        ),
    ),
    ("layers.conv", "Conv1DLayer.convolve", "(input, **kwargs)"),
    (
        "layers.conv",
        "Conv2DLayer",
        (
            "(incoming, num_filters, filter_size, stride=(1, 1), pad=0, untie_biases=False, "
            "W=init.GlorotUniform(), b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, "
            "flip_filters=True, convolution=T.nnet.conv2d, **kwargs)"
        ),
    ),
    ("layers.conv", "Conv2DLayer.convolve", "(input, **kwargs)"),
    (
        "layers.conv",
        "Conv3DLayer",
        (
            "(incoming, num_filters, filter_size, stride=(1, 1, 1), pad=0, untie_biases=False, "
            "W=init.GlorotUniform(), b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, "
            "flip_filters=True, convolution=None, **kwargs)"
        ),
    ),
    ("layers.conv", "Conv3DLayer.convolve", "(input, **kwargs)"),
    (
        "layers.conv",
        "TransposedConv2DLayer",
        (
            "(incoming, num_filters, filter_size, stride=(1, 1), crop=0, untie_biases=False, "
            "W=init.GlorotUniform(), b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, "
            "flip_filters=False, output_size=None, **kwargs)"
        ),
    ),
    ("layers.conv", "TransposedConv2DLayer.get_W_shape", "()"),
    ("layers.conv", "TransposedConv2DLayer.get_output_shape_for", "(input_shape)"),
    ("layers.conv", "TransposedConv2DLayer.convolve", "(input, **kwargs)"),
    ("layers.conv", "Deconv2DLayer", "= TransposedConv2DLayer"),
    (
        "layers.conv",
        "TransposedConv3DLayer",
        (
            "(incoming, num_filters, filter_size, stride=(1, 1, 1), crop=0, untie_biases=False, "
            "W=init.GlorotUniform(), b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, "
            "flip_filters=False, output_size=None, **kwargs)"
        ),
    ),
    ("layers.conv", "TransposedConv3DLayer.get_W_shape", "()"),
    ("layers.conv", "TransposedConv3DLayer.get_output_shape_for", "(input_shape)"),
    ("layers.conv", "TransposedConv3DLayer.convolve", "(input, **kwargs)"),
    ("layers.conv", "Deconv3DLayer", "= TransposedConv3DLayer"),
    (
        "layers.conv",
        "DilatedConv2DLayer",
        (
            "(incoming, num_filters, filter_size, dilation=(1, 1), pad=0, untie_biases=False, "
            "W=init.GlorotUniform(), b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, "
            "flip_filters=False, **kwargs)"
        ),
    ),
    ("layers.conv", "DilatedConv2DLayer.get_W_shape", "()"),
    ("layers.conv", "DilatedConv2DLayer.get_output_shape_for", "(input_shape)"),
    ("layers.conv", "DilatedConv2DLayer.convolve", "(input, **kwargs)"),
    (
        "layers.dense",
        "DenseLayer",
        (
            "(incoming, num_units, W=init.GlorotUniform(), b=init.Constant(0.0), "
            "nonlinearity=nonlinearities.rectify, num_leading_axes=1, **kwargs)"
        ),
    ),
    ("layers.dense", "DenseLayer.get_output_shape_for", "(input_shape)"),
    ("layers.dense", "DenseLayer.get_output_for", "(input, **kwargs)"),
    (
        "layers.dense",
        "NINLayer",
        (
            "(incoming, num_units, untie_biases=False, W=init.GlorotUniform(), "
            "b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, **kwargs)"
        ),
    ),
    ("layers.dense", "NINLayer.get_output_shape_for", "(input_shape)"),
    ("layers.dense", "NINLayer.get_output_for", "(input, **kwargs)"),
    (
        "layers.embedding",
        "EmbeddingLayer",
        "(incoming, input_size, output_size, W=init.Normal(), **kwargs)",
    ),
    ("layers.embedding", "EmbeddingLayer.get_output_shape_for", "(input_shape)"),
    ("layers.embedding", "EmbeddingLayer.get_output_for", "(input, **kwargs)"),
    ("layers.helper", "get_all_layers", "(layer, treat_as_input=None)"),
    ("layers.helper", "get_output", "(layer_or_layers, inputs=None, **kwargs)"),
    ("layers.helper", "get_output_shape", "(layer_or_layers, input_shapes=None)"),
    ("layers.helper", "get_all_params", "(layer, unwrap_shared=True, **tags)"),
    ("layers.helper", "count_params", "(layer, **tags)"),
    ("layers.helper", "get_all_param_values", "(layer, **tags)"),
    ("layers.helper", "set_all_param_values", "(layer, values, **tags)"),
    ("layers.input", "InputLayer", "(shape, input_var=None, name=None, **kwargs)"),
    ("layers.input", "InputLayer.output_shape", "property"),
    (
        "layers.local",
        "LocallyConnected2DLayer",
        (
            "(incoming, num_filters, filter_size, stride=(1, 1), pad='same', untie_biases=False, "
            "W=init.GlorotUniform(), b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, "
            "flip_filters=True, channelwise=False, **kwargs)"
        ),
    ),
    ("layers.local", "LocallyConnected2DLayer.get_W_shape", "()"),
    ("layers.local", "LocallyConnected2DLayer.convolve", "(input, **kwargs)"),
    ("layers.merge", "autocrop", "(inputs, cropping)"),
    ("layers.merge", "autocrop_array_shapes", "(input_shapes, cropping)"),
    ("layers.merge", "ConcatLayer", "(incomings, axis=1, cropping=None, **kwargs)"),
    ("layers.merge", "ConcatLayer.get_output_shape_for", "(input_shapes)"),
    ("layers.merge", "ConcatLayer.get_output_for", "(inputs, **kwargs)"),
    ("layers.merge", "concat", "= ConcatLayer"),
    ("layers.merge", "ElemwiseMergeLayer", "(incomings, merge_function, cropping=None, **kwargs)"),
    ("layers.merge", "ElemwiseMergeLayer.get_output_shape_for", "(input_shapes)"),
    ("layers.merge", "ElemwiseMergeLayer.get_output_for", "(inputs, **kwargs)"),
    ("layers.merge", "ElemwiseSumLayer", "(incomings, coeffs=1, cropping=None, **kwargs)"),
    ("layers.merge", "ElemwiseSumLayer.get_output_for", "(inputs, **kwargs)"),
    ("layers.noise", "DropoutLayer", "(incoming, p=0.5, rescale=True, shared_axes=(), **kwargs)"),
    ("layers.noise", "DropoutLayer.get_output_for", "(input, deterministic=False, **kwargs)"),
    ("layers.noise", "dropout", "= DropoutLayer"),
    ("layers.noise", "dropout_channels", "(incoming, *args, **kwargs)"),
    ("layers.noise", "spatial_dropout", "= dropout_channels"),
    ("layers.noise", "dropout_locations", "(incoming, *args, **kwargs)"),
    ("layers.noise", "GaussianNoiseLayer", "(incoming, sigma=0.1, **kwargs)"),
    ("layers.noise", "GaussianNoiseLayer.get_output_for", "(input, deterministic=False, **kwargs)"),
    (
        "layers.normalization",
        "LocalResponseNormalization2DLayer",
        "(incoming, alpha=0.0001, k=2, beta=0.75, n=5, **kwargs)",
    ),
    (
        "layers.normalization",
        "LocalResponseNormalization2DLayer.get_output_shape_for",
        "(input_shape)",
    ),
    (
        "layers.normalization",
        "LocalResponseNormalization2DLayer.get_output_for",
        "(input, **kwargs)",
    ),
    (
        "layers.normalization",
        "BatchNormLayer",
        (
            "(incoming, axes='auto', epsilon=0.0001, alpha=0.1, beta=init.Constant(0), "
            "gamma=init.Constant(1), mean=init.Constant(0), inv_std=init.Constant(1), **kwargs)"
        ),
    ),
    (
        "layers.normalization",
        "BatchNormLayer.get_output_for",
        (
            "(input, deterministic=False, batch_norm_use_averages=None, "
            "batch_norm_update_averages=None, **kwargs)"
        ),
    ),
    ("layers.normalization", "batch_norm", "(layer, **kwargs)"),
    (
        "layers.normalization",
        "StandardizationLayer",
        "(incoming, axes='auto', epsilon=0.0001, **kwargs)",
    ),
    ("layers.normalization", "StandardizationLayer.get_output_for", "(input, **kwargs)"),
    (
        "layers.normalization",
        "instance_norm",
        "(layer, learn_scale=True, learn_bias=True, **kwargs)",
    ),
    ("layers.normalization", "layer_norm", "(layer, **kwargs)"),
    ("layers.pool", "pool_output_length", "(input_length, pool_size, stride, pad, ignore_border)"),
    ("layers.pool", "pool_2d", "(input, **kwargs)"),
    ("layers.pool", "pool_3d", "(input, **kwargs)"),
    (
        "layers.pool",
        "Pool1DLayer",
        "(incoming, pool_size, stride=None, pad=0, ignore_border=True, mode='max', **kwargs)",
    ),
    ("layers.pool", "Pool1DLayer.get_output_shape_for", "(input_shape)"),
    ("layers.pool", "Pool1DLayer.get_output_for", "(input, **kwargs)"),
    (
        "layers.pool",
        "Pool2DLayer",
        (
            "(incoming, pool_size, stride=None, pad=(0, 0), ignore_border=True, mode='max', "
            "**kwargs)"
        ),
    ),
    ("layers.pool", "Pool2DLayer.get_output_shape_for", "(input_shape)"),
    ("layers.pool", "Pool2DLayer.get_output_for", "(input, **kwargs)"),
    (
        "layers.pool",
        "Pool3DLayer",
        (
            "(incoming, pool_size, stride=None, pad=(0, 0, 0), ignore_border=True, mode='max', "
            "**kwargs)"
        ),
    ),
    ("layers.pool", "Pool3DLayer.get_output_shape_for", "(input_shape)"),
    ("layers.pool", "Pool3DLayer.get_output_for", "(input, **kwargs)"),
    (
        "layers.pool",
        "MaxPool1DLayer",
        "(incoming, pool_size, stride=None, pad=0, ignore_border=True, **kwargs)",
    ),
    (
        "layers.pool",
        "MaxPool2DLayer",
        "(incoming, pool_size, stride=None, pad=(0, 0), ignore_border=True, **kwargs)",
    ),
    (
        "layers.pool",
        "MaxPool3DLayer",
        "(incoming, pool_size, stride=None, pad=(0, 0, 0), ignore_border=True, **kwargs)",
    ),
    ("layers.pool", "Upscale1DLayer", "(incoming, scale_factor, mode='repeat', **kwargs)"),
    ("layers.pool", "Upscale1DLayer.get_output_shape_for", "(input_shape)"),
    ("layers.pool", "Upscale1DLayer.get_output_for", "(input, **kwargs)"),
    ("layers.pool", "Upscale2DLayer", "(incoming, scale_factor, mode='repeat', **kwargs)"),
    ("layers.pool", "Upscale2DLayer.get_output_shape_for", "(input_shape)"),
    ("layers.pool", "Upscale2DLayer.get_output_for", "(input, **kwargs)"),
    ("layers.pool", "Upscale3DLayer", "(incoming, scale_factor, mode='repeat', **kwargs)"),
    ("layers.pool", "Upscale3DLayer.get_output_shape_for", "(input_shape)"),
    ("layers.pool", "Upscale3DLayer.get_output_for", "(input, **kwargs)"),
    (
        "layers.pool",
        "FeaturePoolLayer",
        "(incoming, pool_size, axis=1, pool_function=T.max, **kwargs)",
    ),
    ("layers.pool", "FeaturePoolLayer.get_output_shape_for", "(input_shape)"),
    ("layers.pool", "FeaturePoolLayer.get_output_for", "(input, **kwargs)"),
    ("layers.pool", "FeatureWTALayer", "(incoming, pool_size, axis=1, **kwargs)"),
    ("layers.pool", "FeatureWTALayer.get_output_for", "(input, **kwargs)"),
    ("layers.pool", "GlobalPoolLayer", "(incoming, pool_function=T.mean, **kwargs)"),
    ("layers.pool", "GlobalPoolLayer.get_output_shape_for", "(input_shape)"),
    ("layers.pool", "GlobalPoolLayer.get_output_for", "(input, **kwargs)"),
    ("layers.pool", "pool_2d_nxn_regions", "(inputs, output_size, mode='max')"),
    (
        "layers.pool",
        "SpatialPyramidPoolingLayer",
        "(incoming, pool_dims=[4, 2, 1], mode='max', implementation='fast', **kwargs)",
    ),
    ("layers.pool", "SpatialPyramidPoolingLayer.get_output_for", "(input, **kwargs)"),
    ("layers.pool", "SpatialPyramidPoolingLayer.get_output_shape_for", "(input_shape)"),
    (
        "layers.recurrent",
        "CustomRecurrentLayer",
        (
            "(incoming, input_to_hidden, hidden_to_hidden, nonlinearity=nonlinearities.rectify, "
            "hid_init=init.Constant(0.0), backwards=False, learn_init=False, gradient_steps=-1, "
            "grad_clipping=0, unroll_scan=False, precompute_input=True, mask_input=None, "
            "only_return_final=False, **kwargs)"
        ),
    ),
    ("layers.recurrent", "CustomRecurrentLayer.get_params", "(**tags)"),
    ("layers.recurrent", "CustomRecurrentLayer.get_output_shape_for", "(input_shapes)"),
    ("layers.recurrent", "CustomRecurrentLayer.get_output_for", "(inputs, **kwargs)"),
    (
        "layers.recurrent",
        "RecurrentLayer",
        (
            "(incoming, num_units, W_in_to_hid=init.Uniform(), W_hid_to_hid=init.Uniform(), "
            "b=init.Constant(0.0), nonlinearity=nonlinearities.rectify, "
            "hid_init=init.Constant(0.0), backwards=False, learn_init=False, gradient_steps=-1, "
            "grad_clipping=0, unroll_scan=False, precompute_input=True, mask_input=None, "
            "only_return_final=False, **kwargs)"
        ),
    ),
    (
        "layers.recurrent",
        "Gate",
        (
            "(W_in=init.Normal(0.1), W_hid=init.Normal(0.1), W_cell=init.Normal(0.1), "
            "b=init.Constant(0.0), nonlinearity=nonlinearities.sigmoid)"
        ),
    ),
    (
        "layers.recurrent",
        "LSTMLayer",
        (
            "(incoming, num_units, ingate=Gate(), forgetgate=Gate(), cell=Gate(W_cell=None, "
            "nonlinearity=nonlinearities.tanh), outgate=Gate(), nonlinearity=nonlinearities.tanh, "
            "cell_init=init.Constant(0.0), hid_init=init.Constant(0.0), backwards=False, "
            "learn_init=False, peepholes=True, gradient_steps=-1, grad_clipping=0, "
            "unroll_scan=False, precompute_input=True, mask_input=None, only_return_final=False, "
            "**kwargs)"
        ),
    ),
    ("layers.recurrent", "LSTMLayer.get_output_shape_for", "(input_shapes)"),
    ("layers.recurrent", "LSTMLayer.get_output_for", "(inputs, **kwargs)"),
    (
        "layers.recurrent",
        "GRULayer",
        (
            "(incoming, num_units, resetgate=Gate(W_cell=None), updategate=Gate(W_cell=None), "
            "hidden_update=Gate(W_cell=None, nonlinearity=nonlinearities.tanh), "
            "hid_init=init.Constant(0.0), backwards=False, learn_init=False, gradient_steps=-1, "
            "grad_clipping=0, unroll_scan=False, precompute_input=True, mask_input=None, "
            "only_return_final=False, **kwargs)"
        ),
    ),
    ("layers.recurrent", "GRULayer.get_output_shape_for", "(input_shapes)"),
    ("layers.recurrent", "GRULayer.get_output_for", "(inputs, **kwargs)"),
    ("layers.shape", "FlattenLayer", "(incoming, outdim=2, **kwargs)"),
    ("layers.shape", "FlattenLayer.get_output_shape_for", "(input_shape)"),
    ("layers.shape", "FlattenLayer.get_output_for", "(input, **kwargs)"),
    ("layers.shape", "flatten", "= FlattenLayer"),
    ("layers.shape", "ReshapeLayer", "(incoming, shape, **kwargs)"),
    ("layers.shape", "ReshapeLayer.get_output_shape_for", "(input_shape, **kwargs)"),
    ("layers.shape", "ReshapeLayer.get_output_for", "(input, **kwargs)"),
    ("layers.shape", "reshape", "= ReshapeLayer"),
    ("layers.shape", "DimshuffleLayer", "(incoming, pattern, **kwargs)"),
    ("layers.shape", "DimshuffleLayer.get_output_shape_for", "(input_shape)"),
    ("layers.shape", "DimshuffleLayer.get_output_for", "(input, **kwargs)"),
    ("layers.shape", "dimshuffle", "= DimshuffleLayer"),
    ("layers.shape", "PadLayer", "(incoming, width, val=0, batch_ndim=2, **kwargs)"),
    ("layers.shape", "PadLayer.get_output_shape_for", "(input_shape)"),
    ("layers.shape", "PadLayer.get_output_for", "(input, **kwargs)"),
    ("layers.shape", "pad", "= PadLayer"),
    ("layers.shape", "SliceLayer", "(incoming, indices, axis=-1, **kwargs)"),
    ("layers.shape", "SliceLayer.get_output_shape_for", "(input_shape)"),
    ("layers.shape", "SliceLayer.get_output_for", "(input, **kwargs)"),
    (
        "layers.special",
        "NonlinearityLayer",
        "(incoming, nonlinearity=nonlinearities.rectify, **kwargs)",
    ),
    ("layers.special", "NonlinearityLayer.get_output_for", "(input, **kwargs)"),
    ("layers.special", "BiasLayer", "(incoming, b=init.Constant(0), shared_axes='auto', **kwargs)"),
    ("layers.special", "BiasLayer.get_output_for", "(input, **kwargs)"),
    (
        "layers.special",
        "ScaleLayer",
        "(incoming, scales=init.Constant(1), shared_axes='auto', **kwargs)",
    ),
    ("layers.special", "ScaleLayer.get_output_for", "(input, **kwargs)"),
    ("layers.special", "standardize", "(layer, offset, scale, shared_axes='auto')"),
    ("layers.special", "ExpressionLayer", "(incoming, function, output_shape=None, **kwargs)"),
    ("layers.special", "ExpressionLayer.get_output_shape_for", "(input_shape)"),
    ("layers.special", "ExpressionLayer.get_output_for", "(input, **kwargs)"),
    ("layers.special", "InverseLayer", "(incoming, layer, **kwargs)"),
    ("layers.special", "InverseLayer.get_output_shape_for", "(input_shapes)"),
    ("layers.special", "InverseLayer.get_output_for", "(inputs, **kwargs)"),
    (
        "layers.special",
        "TransformerLayer",
        "(incoming, localization_network, downsample_factor=1, border_mode='nearest', **kwargs)",
    ),
    ("layers.special", "TransformerLayer.get_output_shape_for", "(input_shapes)"),
    ("layers.special", "TransformerLayer.get_output_for", "(inputs, **kwargs)"),
    (
        "layers.special",
        "TPSTransformerLayer",
        (
            "(incoming, localization_network, downsample_factor=1, control_points=16, "
            "precompute_grid='auto', border_mode='nearest', **kwargs)"
        ),
    ),
    ("layers.special", "TPSTransformerLayer.get_output_shape_for", "(input_shapes)"),
    ("layers.special", "TPSTransformerLayer.get_output_for", "(inputs, **kwargs)"),
    (
        "layers.special",
        "ParametricRectifierLayer",
        "(incoming, alpha=init.Constant(0.25), shared_axes='auto', **kwargs)",
    ),
    ("layers.special", "ParametricRectifierLayer.get_output_for", "(input, **kwargs)"),
    ("layers.special", "prelu", "(layer, **kwargs)"),
    (
        "layers.special",
        "RandomizedRectifierLayer",
        "(incoming, lower=0.3, upper=0.8, shared_axes='auto', **kwargs)",
    ),
    (
        "layers.special",
        "RandomizedRectifierLayer.get_output_for",
        "(input, deterministic=False, **kwargs)",
    ),
    ("layers.special", "rrelu", "(layer, **kwargs)"),
    (
        "theano_extensions.conv",
        "conv1d_sc",
        (
            "(input, filters, image_shape=None, filter_shape=None, border_mode='valid', "
            "subsample=(1,), filter_flip=True)"
        ),
    ),
    (
        "theano_extensions.conv",
        "conv1d_mc0",
        (
            "(input, filters, image_shape=None, filter_shape=None, border_mode='valid', "
            "subsample=(1,), filter_flip=True, num_groups=1)"
        ),
    ),
    (
        "theano_extensions.conv",
        "conv1d_mc1",
        (
            "(input, filters, image_shape=None, filter_shape=None, border_mode='valid', "
            "subsample=(1,), filter_flip=True, num_groups=1)"
        ),
    ),
    (
        "theano_extensions.conv",
        "conv1d_unstrided",
        (
            "(input, filters, image_shape, filter_shape, border_mode='valid', subsample=(1,), "
            "filter_flip=True, implementation=conv1d_sc)"
        ),
    ),
    (
        "theano_extensions.conv",
        "conv1d_sd",
        (
            "(input, filters, image_shape, filter_shape, border_mode='valid', subsample=(1,), "
            "filter_flip=True)"
        ),
    ),
    (
        "theano_extensions.conv",
        "conv1d_md",
        (
            "(input, filters, image_shape, filter_shape, border_mode='valid', subsample=(1,), "
            "filter_flip=True)"
        ),
    ),
    ("theano_extensions.padding", "pad", "(x, width, val=0, batch_ndim=1)"),
]

#: The base class of each class that has one.
BASES: dict[str, str] = {
    "init.Normal": "Initializer",
    "init.Uniform": "Initializer",
    "init.Glorot": "Initializer",
    "init.GlorotNormal": "Glorot",
    "init.GlorotUniform": "Glorot",
    "init.He": "Initializer",
    "init.HeNormal": "He",
    "init.HeUniform": "He",
    "init.Constant": "Initializer",
    "init.Sparse": "Initializer",
    "init.Orthogonal": "Initializer",
    "layers.base.MergeLayer": "Layer",
    "layers.conv.BaseConvLayer": "Layer",
    "layers.conv.Conv1DLayer": "BaseConvLayer",
    "layers.conv.Conv2DLayer": "BaseConvLayer",
    "layers.conv.Conv3DLayer": "BaseConvLayer",
    "layers.conv.TransposedConv2DLayer": "BaseConvLayer",
    "layers.conv.TransposedConv3DLayer": "BaseConvLayer",
    "layers.conv.DilatedConv2DLayer": "BaseConvLayer",
    "layers.dense.DenseLayer": "Layer",
    "layers.dense.NINLayer": "Layer",
    "layers.embedding.EmbeddingLayer": "Layer",
    "layers.input.InputLayer": "Layer",
    "layers.local.LocallyConnected2DLayer": "Conv2DLayer",
    "layers.merge.ConcatLayer": "MergeLayer",
    "layers.merge.ElemwiseMergeLayer": "MergeLayer",
    "layers.merge.ElemwiseSumLayer": "ElemwiseMergeLayer",
    "layers.noise.DropoutLayer": "Layer",
    "layers.noise.GaussianNoiseLayer": "Layer",
    "layers.normalization.LocalResponseNormalization2DLayer": "Layer",
    "layers.normalization.BatchNormLayer": "Layer",
    "layers.normalization.StandardizationLayer": "Layer",
    "layers.pool.Pool1DLayer": "Layer",
    "layers.pool.Pool2DLayer": "Layer",
    "layers.pool.Pool3DLayer": "Layer",
    "layers.pool.MaxPool1DLayer": "Pool1DLayer",
    "layers.pool.MaxPool2DLayer": "Pool2DLayer",
    "layers.pool.MaxPool3DLayer": "Pool3DLayer",
    "layers.pool.Upscale1DLayer": "Layer",
    "layers.pool.Upscale2DLayer": "Layer",
    "layers.pool.Upscale3DLayer": "Layer",
    "layers.pool.FeaturePoolLayer": "Layer",
    "layers.pool.FeatureWTALayer": "Layer",
    "layers.pool.GlobalPoolLayer": "Layer",
    "layers.pool.SpatialPyramidPoolingLayer": "Layer",
    "layers.recurrent.CustomRecurrentLayer": "MergeLayer",
    "layers.recurrent.RecurrentLayer": "CustomRecurrentLayer",
    "layers.recurrent.LSTMLayer": "MergeLayer",
    "layers.recurrent.GRULayer": "MergeLayer",
    "layers.shape.FlattenLayer": "Layer",
    "layers.shape.ReshapeLayer": "Layer",
    "layers.shape.DimshuffleLayer": "Layer",
    "layers.shape.PadLayer": "Layer",
    "layers.shape.SliceLayer": "Layer",
    "layers.special.NonlinearityLayer": "Layer",
    "layers.special.BiasLayer": "Layer",
    "layers.special.ScaleLayer": "Layer",
    "layers.special.ExpressionLayer": "Layer",
    "layers.special.InverseLayer": "MergeLayer",
    "layers.special.TransformerLayer": "MergeLayer",
    "layers.special.TPSTransformerLayer": "MergeLayer",
    "layers.special.ParametricRectifierLayer": "Layer",
    "layers.special.RandomizedRectifierLayer": "Layer",
}
