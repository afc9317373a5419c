#!/usr/bin/env bash
# Makes keeper_code.ts of start.s and keeper.c; needs gcc and binutils for x86-64.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/layout" <<'LAYOUT'
SECTIONS {
  . = 0;
  .all : { *start.o(.text) *(.text .text.*) *(.rodata .rodata.*) }
  /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) }
  ASSERT(SIZEOF(.data) + SIZEOF(.bss) == 0, "it has no memory but its stack")
}
LAYOUT
gcc -c -Os -fPIE -ffreestanding -mno-sse -fno-stack-protector -fno-asynchronous-unwind-tables \
  -fno-jump-tables -fno-tree-loop-distribute-patterns -fcf-protection=none -Wall -Wextra -Werror \
  keeper.c -o "$work/keeper.o"
as start.s -o "$work/start.o"
ld -T "$work/layout" -o "$work/keeper.elf" "$work/start.o" "$work/keeper.o"
objcopy -O binary -j .all "$work/keeper.elf" "$work/keeper.bin"
{
  echo '/** What `make.sh` has made of `start.s` and `keeper.c`: machine code for Linux on x86-64, in base64. */'
  echo 'export const KEEPER_CODE ='
  base64 -w 88 "$work/keeper.bin" | sed 's/.*/  "&" +/; $s/ +$/;/'
} > keeper_code.ts
