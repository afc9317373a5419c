/** The command against rsync's eye: after one run there is nothing that rsync would still do. */
import assert from "node:assert/strict";
import { shell } from "./testing/bytes.ts";
import { sluice } from "./testing/command.ts";

async function installed(...programs: string[]): Promise<boolean> {
  try {
    await shell(programs.map((program) => `command -v ${program} >/dev/null`).join(" && "));
    return true;
  } catch {
    return false;
  }
}

/** Names of every byte, alone and in company, long ones, links, holes, odd times. */
const TREE = String.raw`
cd "$1"; mkdir -p bytes combos deep/er empty/inner
for i in $(seq 1 255); do
  [ $i -eq 47 ] && continue
  byte=$(printf '\\x%02x' $i)
  name=$(printf "a$byte"; printf z); name=\${name%z}
  case $i in 46) ;; *)
    one=$(printf "$byte"; printf z); one=\${one%z}
    printf $i > "bytes/$one" ;;
  esac
  printf $i > "combos/$name"
done
printf 1 > $'combos/new\nline'; printf 2 > $'combos/\xff\xfe\n\\ "'"'"; mkdir $'combos/d\xe9\n'
printf 3 > $'combos/d\xe9\n/in'
long=$(printf 'x%.0s' $(seq 255)); printf 4 > "deep/$long"
wide=$(printf '\xff%.0s' $(seq 255)); printf 5 > "deep/er/$wide"
printf linked > deep/one; ln deep/one deep/two; ln deep/one combos/three; ln deep/one $'bytes/\xffln'
head -c 100000 /dev/urandom > deep/big; ln deep/big deep/er/big
truncate -s 30M deep/sparse; printf end | dd of=deep/sparse bs=1 seek=20000000 conv=notrunc status=none
ln deep/sparse deep/er/sparse
ln -s nowhere deep/dangling; ln -s ../deep/one empty/link; ln -s $'\xe9\n' deep/odd
touch -d '1950-01-01 00:00:00.000000001 UTC' deep/one
touch -d '2199-12-31 23:59:59.999999999 UTC' deep/big
touch -h -d '2001-09-09 01:46:40.123456789 UTC' deep/odd
touch -d '1999-12-31 23:59:59.987654321 UTC' empty/inner empty deep/er
touch -d '2010-10-10 10:10:10.101010101 UTC' .
`;

Deno.test({
  name: "the command leaves nothing that rsync -aH would do, whatever the names, times and holes",
  ignore: Deno.build.os !== "linux" || !(await installed("rsync", "find", "touch", "dd")),
}, async () => {
  const top = Deno.makeTempDirSync({ prefix: "sluice-test-" });
  try {
    await shell(`mkdir "$1/from" "$1/to"`, top);
    await shell(TREE.replaceAll("\\${", "${"), `${top}/from`);
    const args = [`${top}/from`, `${top}/to`, "--db", `${top}/db`, "--log", `${top}/log`];
    const names = await shell(`find "$1/from" -printf x | wc -c`, top);
    assert.ok(Number(names) > 520, names);
    const { code, stdout, stderr } = await sluice([...args, "--hard-links"]);
    assert.equal(code, 0, stdout + stderr);
    // modes are not applied: new files have what the umask gives, as those of the source have here
    const left = `rsync -anH --delete -i --modify-window=-1 "$1/from/" "$1/to/"`;
    assert.equal(await shell(left, top), "");
    // by content, and to the nanosecond, links and blocks included
    assert.equal(await shell(`rsync -anHc --delete -i "$1/from/" "$1/to/"`, top), "");
    const look = (side: string) =>
      shell(
        `cd "$1"; find . ! -type d -printf '%p %T@ %n %s %y %b\\0' | sort -z | sha256sum`,
        side,
      );
    assert.equal(await look(`${top}/to`), await look(`${top}/from`));
    const directories = (side: string) =>
      shell(`cd "$1"; find . -type d -printf '%p %T@\\0' | sort -z | sha256sum`, side);
    assert.equal(await directories(`${top}/to`), await directories(`${top}/from`));
    const again = await sluice([...args, "--hard-links", "--dry-run", "--progress", "plain"]);
    assert.match(again.stdout, /pending +nothing/);
  } finally {
    await shell(`rm -rf "$1"`, top);
  }
});
