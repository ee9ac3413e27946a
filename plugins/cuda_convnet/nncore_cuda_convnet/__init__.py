"""Convolution and maximum pooling in the c01b layout, by CUDA kernels of its own."""
