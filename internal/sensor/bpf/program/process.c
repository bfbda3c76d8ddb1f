// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Three tracepoints that tell of every process: fork, exec, exit.
//
// The kernel's structures are declared here with the few fields that are read.
// preserve_access_index makes each access a CO-RE relocation: the loader puts in
// the offsets of the running kernel, and a field that is missing is known by
// bpf_core_field_exists. No helper header and no dump of a kernel is needed:
// helpers are called by their numbers (linux/bpf.h, enum bpf_func_id).
//
// The records are read by record.go, which must be changed with them.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define KERNEL __attribute__((preserve_access_index))

static void *(*const map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*const get_current_cgroup_id)(void) = (void *)80;
static long (*const probe_read_user)(void *dst, u32 size, const void *from) = (void *)112;
static long (*const probe_read_kernel)(void *dst, u32 size, const void *from) = (void *)113;
static long (*const probe_read_kernel_str)(void *dst, u32 size, const void *from) = (void *)115;
static u64 (*const ktime_get_boot_ns)(void) = (void *)125;
static long (*const ringbuf_output)(void *ring, void *data, u64 size, u64 flags) = (void *)130;
static u64 (*const ringbuf_query)(void *ring, u64 what) = (void *)134;

#define NO_WAKEUP 1    // BPF_RB_NO_WAKEUP: the reader comes when it needs to know
#define FORCE_WAKEUP 2 // BPF_RB_FORCE_WAKEUP
#define AVAILABLE 0    // BPF_RB_AVAIL_DATA
#define BYTE_OFFSET 0 // BPF_FIELD_BYTE_OFFSET
#define EXISTS 2      // BPF_FIELD_EXISTS

#define READ(dst, src) probe_read_kernel(&(dst), sizeof(dst), __builtin_preserve_access_index(&(src)))

typedef struct { u32 val; } KERNEL kuid_t;
typedef struct { u32 val; } KERNEL kgid_t;
typedef struct { int counter; } KERNEL atomic_t;

struct cred { kuid_t uid; kgid_t gid; kuid_t euid; } KERNEL;
struct tty_struct { char name[64]; } KERNEL;
struct signal_struct { atomic_t live; struct tty_struct *tty; } KERNEL;
struct qstr { const u8 *name; } KERNEL;
struct hlist_bl_node { struct hlist_bl_node **pprev; } KERNEL;
struct dentry { struct hlist_bl_node d_hash; struct dentry *d_parent; struct qstr d_name; } KERNEL;
struct vfsmount { struct dentry *mnt_root; } KERNEL;
struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; } KERNEL;
struct path { struct vfsmount *mnt; struct dentry *dentry; } KERNEL;
struct super_block { u32 s_dev; } KERNEL;
struct inode { u16 i_mode; kuid_t i_uid; struct super_block *i_sb; unsigned long i_ino; } KERNEL;
struct file { struct path f_path; struct inode *f_inode; } KERNEL;
struct fs_struct { struct path root, pwd; } KERNEL;
struct mm_struct { unsigned long arg_start, arg_end; struct file *exe_file; } KERNEL;
struct linux_binprm { const char *filename; } KERNEL;
struct task_struct {
	s32 pid, tgid;
	struct task_struct *real_parent, *group_leader;
	u64 start_boottime; // since Linux 5.5, as tp_btf is
	const struct cred *cred;
	kuid_t loginuid;
	u32 sessionid;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct fs_struct *fs;
	char comm[16];
	int exit_code;
} KERNEL;

enum { FORK = 1, EXEC, EXIT };
enum { EXE_CUT = 1, CWD_CUT = 2, ARGS_CUT = 4, ARGS_UNREAD = 8, NO_LOGIN = 16, DELETED = 32 };

// head begins each record; texts follow those of EXEC: the names of the program's
// path and of the directory, last one first, each with a zero behind it, the name
// that was executed, and the arguments.
struct head {
	u32 kind, pid, parent, from;
	u64 at, started;
	u32 uid, euid, gid, login, session;
	s32 exit;
	u64 cgroup, inode;
	char comm[16], tty[16];
	u16 exe, cwd, file, args; // lengths
	u32 flags, reserved;
	u32 device, owner, mode, unused; // of the program's file; the kernel's dev_t
};

#define NAME 256       // NAME_MAX and a zero
#define NAMES 32       // of one path
#define PATHS 4096     // all texts but the arguments begin below this
#define ARGS 4096
#define OFFSETS (2 * PATHS - 1)

struct record {
	struct head head;
	u8 text[PATHS + NAME + ARGS];
};

#define RING (4 << 20) // several thousand program starts
#define MUCH (RING / 8)

struct {
	int (*type)[27]; // BPF_MAP_TYPE_RINGBUF
	int (*max_entries)[RING];
} events SEC(".maps");

struct {
	int (*type)[6]; // BPF_MAP_TYPE_PERCPU_ARRAY
	int (*max_entries)[1];
	u32 *key;
	struct record *value;
} scratch SEC(".maps");

u64 lost; // records that did not fit

INLINE void send(void *data, u64 size)
{
	u64 wake = ringbuf_query(&events, AVAILABLE) < MUCH ? NO_WAKEUP : FORCE_WAKEUP;

	if (ringbuf_output(&events, data, size, wake) < 0)
		__sync_fetch_and_add(&lost, 1);
}

// describe fills in what every record says of a process.
INLINE void describe(struct head *h, struct task_struct *p, u32 kind)
{
	const struct cred *cred = p->cred;

	h->kind = kind;
	h->pid = p->tgid;
	h->parent = p->real_parent->tgid;
	h->from = 0;
	h->at = ktime_get_boot_ns();
	h->started = p->group_leader->start_boottime;
	h->uid = cred->uid.val;
	h->euid = cred->euid.val;
	h->gid = cred->gid.val;
	h->flags = h->reserved = 0;
	h->login = h->session = ~0u;
	if (__builtin_preserve_field_info(p->loginuid, EXISTS)) {
		h->login = p->loginuid.val;
		h->session = p->sessionid;
	} else {
		h->flags |= NO_LOGIN; // CONFIG_AUDIT is off
	}
	h->exit = 0;
	h->cgroup = get_current_cgroup_id();
	h->exe = h->cwd = h->file = h->args = 0;
	h->inode = 0;
	h->device = h->owner = h->mode = h->unused = 0;
	READ(h->comm, p->comm);
	h->tty[0] = 0;
	struct tty_struct *tty = p->signal->tty;
	if (tty)
		probe_read_kernel_str(h->tty, sizeof(h->tty), __builtin_preserve_access_index(&tty->name));
}

// put appends the names of a path up to the root of the process, as d_path does,
// and returns where they end.
INLINE u32 put(struct record *r, u32 off, struct path *at, struct path *top, u32 cut)
{
	struct vfsmount *mnt, *top_mnt;
	struct dentry *dentry, *top_dentry, *next;

	READ(mnt, at->mnt);
	READ(dentry, at->dentry);
	READ(top_mnt, top->mnt);
	READ(top_dentry, top->dentry);
	for (int i = 0; i < NAMES; i++) {
		off &= OFFSETS; // the same range in each turn: the verifier sees less to tell apart
		if (dentry == top_dentry && mnt == top_mnt)
			return off;
		READ(next, mnt->mnt_root);
		if (dentry == next) { // go on where it is mounted
			struct mount *m = (void *)mnt - __builtin_preserve_field_info(((struct mount *)0)->mnt, BYTE_OFFSET), *above;
			READ(above, m->mnt_parent);
			if (above == m)
				return off;
			READ(dentry, m->mnt_mountpoint);
			mnt = (void *)above + __builtin_preserve_field_info(((struct mount *)0)->mnt, BYTE_OFFSET);
			continue;
		}
		READ(next, dentry->d_parent);
		if (next == dentry)
			return off;
		const u8 *name;
		READ(name, dentry->d_name.name);
		if (off >= PATHS)
			break;
		long n = probe_read_kernel_str(r->text + (off & (PATHS - 1)), NAME, name);
		if (n <= 0)
			break;
		off += n & (2 * NAME - 1);
		dentry = next;
	}
	r->head.flags |= cut;
	return off;
}

// identify says which file it is: by what it is called now nobody is proven.
INLINE void identify(struct head *h, struct file *exe)
{
	struct inode *inode;
	struct super_block *sb;

	READ(inode, exe->f_inode);
	READ(sb, inode->i_sb);
	u16 mode;
	READ(h->inode, inode->i_ino);
	READ(h->owner, inode->i_uid);
	READ(mode, inode->i_mode);
	h->mode = mode;
	READ(h->device, sb->s_dev);
}

SEC("tp_btf/sched_process_fork")
int waxseal_fork(u64 *ctx)
{
	struct task_struct *parent = (void *)ctx[0], *child = (void *)ctx[1];
	struct head h;

	if (child->pid != child->tgid)
		return 0; // a thread
	describe(&h, child, FORK);
	h.from = parent->tgid;
	send(&h, sizeof(h));
	return 0;
}

SEC("tp_btf/sched_process_exec")
int waxseal_exec(u64 *ctx)
{
	struct task_struct *p = (void *)ctx[0];
	struct linux_binprm *bprm = (void *)ctx[2];
	struct mm_struct *mm = p->mm;
	struct fs_struct *fs = p->fs;
	u32 zero = 0;
	struct record *r = map_lookup_elem(&scratch, &zero);

	if (!r || !mm || !fs)
		return 0;
	describe(&r->head, p, EXEC);

	struct file *exe = mm->exe_file;
	u32 start = 0, off = r->head.reserved & OFFSETS; // 0, which the verifier doesn't know
	if (exe) {
		struct dentry *d;
		struct hlist_bl_node **hashed;
		READ(d, exe->f_path.dentry);
		READ(hashed, d->d_hash.pprev);
		if (!hashed)
			r->head.flags |= DELETED;
		identify(&r->head, exe);
		off = put(r, off, &exe->f_path, &fs->root, EXE_CUT);
		r->head.exe = off;
	}
	start = off;
	off = put(r, off, &fs->pwd, &fs->root, CWD_CUT);
	r->head.cwd = off - start;
	if (off < PATHS) {
		long n = probe_read_kernel_str(r->text + (off & (PATHS - 1)), NAME, bprm->filename);
		if (n > 0) {
			r->head.file = n & (2 * NAME - 1);
			off += n & (2 * NAME - 1);
		}
	}
	u64 n = mm->arg_end - mm->arg_start;
	if (n >= ARGS) {
		n = ARGS - 1;
		r->head.flags |= ARGS_CUT;
	}
	off &= OFFSETS;
	if (off > PATHS + NAME)
		off = PATHS + NAME;
	if (probe_read_user(r->text + off, n & (ARGS - 1), (void *)mm->arg_start) < 0) {
		r->head.flags |= ARGS_UNREAD;
		n = 0;
	}
	r->head.args = n;
	send(r, sizeof(r->head) + off + (n & (ARGS - 1)));
	return 0;
}

SEC("tp_btf/sched_process_exit")
int waxseal_exit(u64 *ctx)
{
	struct task_struct *p = (void *)ctx[0];
	struct head h;

	if (p->signal->live.counter > 0)
		return 0; // other threads of the process live on
	describe(&h, p, EXIT);
	h.exit = p->exit_code;
	send(&h, sizeof(h));
	return 0;
}

char terms[] SEC("license") = "GPL";
