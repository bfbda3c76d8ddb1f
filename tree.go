package waxseal

import (
	"errors"
	"time"
)

// What a Tree can answer besides fs.ErrNotExist and fs.ErrPermission.
var (
	// ErrNotRegular: the path names a FIFO, a device, a socket or a directory
	// where a file was expected. It is never opened for reading.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge: the file is larger than the reader's limit.
	ErrTooLarge = errors.New("file is too large to read")
	// ErrLoop: more symbolic links than the kernel would follow.
	ErrLoop = errors.New("too many levels of symbolic links")
)

// A Tree is a read-only view of a root directory: the live host, a mounted
// image, a stored snapshot, or a test's files.
//
// Paths never leave the tree. Symbolic links, absolute ones too, resolve inside
// it, as they would after chroot(2). No method executes, writes, blocks on a
// FIFO or opens a device.
type Tree interface {
	// Lstat describes what the path itself names; a final symbolic link is not
	// followed.
	Lstat(Path) (File, error)
	// Stat follows symbolic links; File.Resolved says where they led.
	Stat(Path) (File, error)
	// ReadFile returns the whole content of a regular file. It returns
	// ErrTooLarge rather than a part of a file of more than limit bytes.
	ReadFile(p Path, limit int64) ([]byte, error)
	// Digest hashes a regular file of any size.
	Digest(Path) (Digest, error)
	// ReadDir returns the names in a directory, sorted bytewise.
	ReadDir(Path) ([]string, error)
}

// FileType is what kind of object a path names.
type FileType string

// The types a File can have.
const (
	Regular   FileType = "file"
	Directory FileType = "directory"
	Symlink   FileType = "symlink"
	FIFO      FileType = "fifo"
	Socket    FileType = "socket"
	Device    FileType = "device"
)

// File is the metadata of one object in a tree.
type File struct {
	Path     Path     `json:"path"`               // as it was asked for
	Resolved Path     `json:"resolved,omitempty"` // where symbolic links led, if elsewhere
	Link     string   `json:"link,omitempty"`     // text of the link, if Path itself is one
	Type     FileType `json:"type"`
	Mode     uint32   `json:"mode"` // permission bits with setuid, setgid and sticky (07777)
	UID      uint32   `json:"uid"`
	GID      uint32   `json:"gid"`
	Size     int64    `json:"size"`
	// ModTime is chosen by whoever writes; ChangeTime is kept by the kernel.
	// A ModTime long before ChangeTime was set by hand.
	ModTime    time.Time `json:"mtime"`
	ChangeTime time.Time `json:"ctime"`
	Device     uint64    `json:"device,omitempty"`
	Inode      uint64    `json:"inode,omitempty"`
	Links      uint64    `json:"links,omitempty"` // number of hard links
	// XAttrs are extended attributes, ACLs and capabilities among them, each by
	// the digest of its value.
	XAttrs map[string]Digest `json:"xattrs,omitempty"`
	// Flags are the inode flags of chattr(1) that matter: "immutable", "append".
	Flags []string `json:"flags,omitempty"`
}
