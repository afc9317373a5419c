/*
 * The keeper of `src/keeper.ts` for Linux on x86-64, as the first code of the executable: it runs in
 * front of the runtime, and takes the place of a process that would load one only to wait.
 *
 * It keeps where an argument is plainly on a share, and leaves every other case (a terminal, a
 * relative path, a link, another platform) to `src/launch.ts` by returning, which begins the program.
 * It has no library and no memory but its stack. `scripts/native/make.sh` makes `keeper_code.ts` of it.
 */
typedef unsigned long u64;

enum { READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, SIGPROCMASK = 14, IOCTL = 16, PIPE = 22, DUP2 = 33,
       GETPID = 39, FORK = 57, EXECVE = 59, EXIT = 231, WAIT4 = 61, KILL = 62, READLINK = 89,
       SIGTIMEDWAIT = 128 };
enum { SIGHUP = 1, SIGINT = 2, SIGKILL = 9, SIGTERM = 15, SIGCHLD = 17 };
enum { TCGETS = 0x5401, WNOHANG = 1, SIG_BLOCK = 0, SIG_SETMASK = 2 };

/* As in keeper.ts: looks at the child are so many nanoseconds apart, and so many of them count. */
enum { LOOK = 100000000, MOST_HANGING = 15, TOLD_AFTER = 50 };

/* A table of mounts with longer lines, or more variables in the environment, is left to the program. */
enum { LINE = 8192, MOST_VARIABLES = 4096 };

static long call(long number, u64 a, u64 b, u64 c, u64 d) {
  long result;
  register u64 r10 asm("r10") = d;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
               : "rcx", "r11", "memory");
  return result;
}

#define CALL(n, a, b, c, d) call(n, (u64)(a), (u64)(b), (u64)(c), (u64)(d))

/* Whether `text` begins with `with`. */
static int begins(const char *text, const char *with) {
  while (*with && *text == *with) text++, with++;
  return *with == 0;
}

/* Whether a list of words, each with a space behind it, has `word`, which ends with a space or 0. */
static int listed(const char *list, const char *word) {
  while (*list) {
    const char *at = word;
    while (*list != ' ' && *list == *at) list++, at++;
    if (*list == ' ' && (*at == ' ' || *at == 0)) return 1;
    while (*list++ != ' ');
  }
  return 0;
}

/* As SHARES in share_paths.ts. */
static int is_share(const char *type) {
  return begins(type, "fuse.") ||
    listed("nfs nfs4 cifs smb3 smbfs fuse fuseblk 9p ceph afs coda lustre gpfs gfs2 ocfs2 beegfs ", type);
}

/* Whether a line of the table of mounts is a share that one of the arguments is on. */
static int has_argument(char *line, char **arguments) {
  char *type = line, *place = line;
  while (*type && !begins(type, " - ")) type++;
  if (*type == 0 || !is_share(type + 3)) return 0;
  for (int field = 0; field < 4; field++) {
    while (*place && *place != ' ') place++;
    if (*place == 0) return 0;
    place++;
  }
  char *end = place;
  while (*end != ' ') end++;
  *end = 0;
  for (; *arguments; arguments++) {
    char after = begins(*arguments, place) ? (*arguments)[end - place] : 'x';
    if (after == 0 || after == '/') return 1;
  }
  return 0;
}

static int works_on_share(char **arguments) {
  char buffer[LINE + 1];
  long fd = CALL(OPEN, "/proc/self/mountinfo", 0, 0, 0), filled = 0, found = 0;
  if (fd < 0) return 0;
  while (!found) {
    long got = CALL(READ, fd, buffer + filled, LINE - filled, 0), begin = 0;
    if (got <= 0) break;
    filled += got;
    for (long i = 0; i < filled && !found; i++) {
      if (buffer[i] != '\n') continue;
      buffer[i] = 0;
      found = has_argument(buffer + begin, arguments);
      begin = i + 1;
    }
    for (long i = begin; i < filled; i++) buffer[i - begin] = buffer[i];
    filled -= begin;
    if (filled == LINE) break;
  }
  CALL(CLOSE, fd, 0, 0, 0);
  return found;
}

/* Writes a number in decimals; returns the end. */
static char *decimals(char *to, long number) {
  char digits[20];
  int count = 0;
  do digits[count++] = '0' + number % 10; while (number /= 10);
  while (count) *to++ = digits[--count];
  return to;
}

static char *copy(char *to, const char *from) {
  while (*from) *to++ = *from++;
  return to;
}

static int code_of(int status) {
  return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

/* The state of the child, as /proc tells it, or 0; and, once it has ended, its exit code. */
static char state_of(long child, int *code) {
  char path[40], text[1024];
  *copy(decimals(copy(path, "/proc/"), child), "/stat") = 0;
  long fd = CALL(OPEN, path, 0, 0, 0);
  if (fd < 0) return 0;
  long length = CALL(READ, fd, text, sizeof text - 1, 0);
  CALL(CLOSE, fd, 0, 0, 0);
  if (length <= 0) return 0;
  text[length] = 0;
  char *at = text + length;
  /* the name of the program, in brackets, may have anything in it */
  while (at > text && *at != ')') at--;
  if (*at != ')' || at[1] != ' ') return 0;
  at += 2;
  char state = *at;
  for (int field = 0; field < 49 && *at; at++) field += *at == ' ';
  int status = 0;
  while (*at >= '0' && *at <= '9') status = status * 10 + *at++ - '0';
  *code = code_of(status);
  return state;
}

static void leave(int code) {
  CALL(EXIT, code, 0, 0, 0);
}

/* Waits until the child has ended, or as good as, and leaves with its exit code. */
static void keep(long child, u64 signals) {
  const struct { long seconds, nanoseconds; } look = { 0, LOOK };
  int signalled = 0, ended = 0, hanging = 0, asked = 0;
  for (;;) {
    int status, code = 0;
    long signal = CALL(SIGTIMEDWAIT, &signals, 0, &look, 8);
    if (CALL(WAIT4, child, &status, WNOHANG, 0) == child) leave(code_of(status));
    if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP) {
      CALL(KILL, child, signalled ? SIGKILL : signal, 0, 0);
      if (signalled) leave(128 + signal);
      signalled = signal;
    }
    if (signal > 0) continue;
    char state = state_of(child, &code);
    /* the last word is said, and a thread hangs */
    ended = state == 'Z' ? ended + 1 : 0;
    hanging = state == 'D' ? hanging + 1 : 0;
    asked = hanging && signalled ? asked + 1 : 0;
    if (ended > 1 || asked >= MOST_HANGING) {
      CALL(KILL, child, SIGKILL, 0, 0);
      leave(ended > 1 ? code : 128 + signalled);
    }
    if (!signalled && hanging == TOLD_AFTER) {
      static const char told[] =
        "sluice: no answer from a file system; it goes on when there is one, and Ctrl-C ends it\n";
      CALL(WRITE, 2, told, sizeof told - 1, 0);
    }
  }
}

/* `stack` is what the kernel left there: the number of arguments, they, 0, the environment, 0. */
__attribute__((used)) void begin(long *stack) {
  long count = stack[0], variables = 0, kept = 0;
  char **arguments = (char **)(stack + 1), **environment = arguments + count + 1;
  char terminal[64], keeper[40], path[LINE];
  int pipe[2];
  if (count < 2) return;
  char *command = arguments[1];
  if (listed("manifest audit why ctl ", command)) return;
  /* keys are read by the program */
  if (!listed("doctor verify ", command) && CALL(IOCTL, 1, TCGETS, terminal, 0) == 0) return;
  for (; environment[variables]; variables++) {
    if (begins(environment[variables], "SLUICE_KEEPER=")) return;
  }
  if (variables > MOST_VARIABLES || !works_on_share(arguments + 1)) return;
  long length = CALL(READLINK, "/proc/self/exe", path, sizeof path - 1, 0);
  if (length <= 0 || CALL(PIPE, pipe, 0, 0, 0) < 0) return;
  path[length] = 0;
  *decimals(copy(keeper, "SLUICE_KEEPER="), CALL(GETPID, 0, 0, 0, 0)) = 0;
  char *changed[variables + 3];
  for (long i = 0; i < variables; i++) {
    if (!begins(environment[i], "MALLOC_ARENA_MAX=")) changed[kept++] = environment[i];
  }
  changed[kept++] = keeper;
  /* as ONE_HEAP in keeper.ts */
  changed[kept++] = "MALLOC_ARENA_MAX=1";
  changed[kept] = 0;
  u64 signals = 1ul << (SIGHUP - 1) | 1ul << (SIGINT - 1) | 1ul << (SIGTERM - 1) | 1ul << (SIGCHLD - 1);
  u64 before;
  CALL(SIGPROCMASK, SIG_BLOCK, &signals, &before, 8);
  long child = CALL(FORK, 0, 0, 0, 0);
  if (child > 0) {
    CALL(CLOSE, pipe[0], 0, 0, 0);
    keep(child, signals);
  }
  CALL(SIGPROCMASK, SIG_SETMASK, &before, 0, 8);
  if (child == 0) {
    /* it ends with the keeper, which holds the other end */
    CALL(DUP2, pipe[0], 0, 0, 0);
    if (pipe[0] != 0) CALL(CLOSE, pipe[0], 0, 0, 0);
    CALL(CLOSE, pipe[1], 0, 0, 0);
    CALL(EXECVE, path, arguments, changed, 0);
    leave(127);
  }
  CALL(CLOSE, pipe[0], 0, 0, 0);
  CALL(CLOSE, pipe[1], 0, 0, 0);
}
