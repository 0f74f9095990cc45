// Marks functions that run on the host and, when nvcc compiles them, on the device too.
#pragma once

#ifdef __CUDACC__
#define AMCL_HOST_DEVICE __host__ __device__
#else
#define AMCL_HOST_DEVICE
#endif
