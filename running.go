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
