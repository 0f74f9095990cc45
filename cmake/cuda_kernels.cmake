# The sources of engine/backend/cuda that launch kernels: nvcc compiles them for a GPU, and the host's
# compiler for the emulated one of the tests.
set(AMCL_CUDA_KERNEL_SOURCES
  augment.cu batch_norm.cu elementwise.cu move.cu optimizer.cu pairwise.cu pool.cu reduce.cu rows.cu)
