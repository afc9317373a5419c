# Where the executable begins: the keeper, then the program, with everything as the kernel left it.
# The last jump gets its distance when the executable is made (`front.ts`).
.globl _start
_start:
  mov %rsp, %rdi
  push %rdx
  sub $8, %rsp
  call begin
  add $8, %rsp
  pop %rdx
  .byte 0xe9
  .long 0
.section .note.GNU-stack,"",@progbits
