package waxseal

// Mount is a file system mounted in a tree, as a process in the tree sees it.
type Mount struct {
	// Path is where it is mounted: a directory, or a single file.
	Path Path `json:"path"`
	// Source is what is mounted, as the kernel names it: "/dev/sda1", "tmpfs",
	// "overlay", "server:/export".
	Source string `json:"source"`
	FSType string `json:"fstype"` // "ext4", "tmpfs", "overlay"
	// Root is the part of that file system which is mounted: "/" is all of it, and
	// anything else a bind mount (mount(8) --bind).
	Root    string   `json:"root"`
	Options []string `json:"options,omitempty"` // "ro", "nosuid", "bind"; of the mount, then of the file system
}
