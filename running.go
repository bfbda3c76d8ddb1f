package waxseal

// Running is a process of this host, with the code that it has in its memory.
type Running struct {
	PID int
	// Exe is where the program that runs lay when it was started, "" where only root
	// could tell.
	Exe  Path
	Comm string // the name it gives itself
	// Script is what an interpreter was told to run, "" for any other program.
	Script Path
	UID    uint32 // effective; Unset where it is not known
	User   string
	// Listens says that it holds a listening socket.
	Listens bool
	// Blind says that what it has loaded could not be read.
	Blind bool
	// Code are the files whose code it has in its memory, its program among them.
	Code []Mapped
	// Open are the regular files that it holds open. Hidden says that not all of them
	// could be looked at.
	Open   []Opened
	Hidden bool
}

// Mapped is a file, or what is none, of which a process has code in its memory.
type Mapped struct {
	// Path is its name when it was loaded; "/memfd:name" for what never had one.
	Path Path
	// Gone says that the file is no longer at Path; Replaced that another one is.
	Gone, Replaced bool
	// Memory says that it never was a file in a directory (memfd_create(2)).
	Memory bool
}

// Opened is a regular file that a process holds open (proc(5), /proc/PID/fd).
type Opened struct {
	// Path is its name now, or the last that it had; "/memfd:name" for what never had one.
	Path Path
	// Gone, Replaced and Memory are those of Mapped.
	Gone, Replaced, Memory bool
	// Later says of one that was replaced that it was modified after the file that is
	// at Path now.
	Later bool
	// Writes says that the process may write it, Appends that what it writes goes to
	// the end.
	Writes, Appends bool
	// Empty says that nothing is in it, Lasting that it is there for longer than a
	// message takes.
	Empty, Lasting bool
}
