// Errors of libjpeg. The library reports one by a function that must not return: this one jumps
// back to setjmp(jump). Between the two there may only be objects without destructors.
#pragma once
#include <setjmp.h>
#include <stdio.h>
// After stdio.h, whose FILE it uses.
#include <jpeglib.h>

namespace amcl {

struct JpegErrors {
  jpeg_error_mgr base;  // first: the library hands out pointers to it
  jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

inline JpegErrors& errors_of(j_common_ptr info) {
  return *reinterpret_cast<JpegErrors*>(info->err);
}

[[noreturn]] inline void jump_on_error(j_common_ptr info) {
  JpegErrors& errors = errors_of(info);
  errors.base.format_message(info, errors.message);
  longjmp(errors.jump, 1);
}

}  // namespace amcl
