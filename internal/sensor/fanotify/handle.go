package fanotify

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// fsid is the identity of a filesystem as statfs(2) and the events give it.
type fsid [8]byte

// key names one file for as long as it exists, whatever names it has: the bytes
// of its filesystem's identity and of struct file_handle just as they stand in
// an event's record.
type key string

// atHandleFID asks for a handle that only identifies, which a filesystem gives
// that can't open by handle (AT_HANDLE_FID, Linux 6.5).
const atHandleFID = 0x200

// keyOf gives the key of what an O_PATH descriptor names.
func keyOf(fd int, id fsid) (key, error) {
	h, _, err := unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH)
	if errors.Is(err, unix.EOPNOTSUPP) {
		h, _, err = unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH|atHandleFID)
	}
	if err != nil {
		return "", err
	}
	return makeKey(id, h), nil
}

// keyAt gives the key of an entry of a directory, not following a link.
func keyAt(dir int, name string, id fsid) (key, error) {
	h, _, err := unix.NameToHandleAt(dir, name, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		h, _, err = unix.NameToHandleAt(dir, name, atHandleFID)
	}
	if err != nil {
		return "", err
	}
	return makeKey(id, h), nil
}

func makeKey(id fsid, h unix.FileHandle) key {
	b := append(make([]byte, 0, 64), id[:]...)
	b = binary.NativeEndian.AppendUint32(b, uint32(h.Size()))
	b = binary.NativeEndian.AppendUint32(b, uint32(h.Type()))
	return key(append(b, h.Bytes()...))
}

// filesystem is the first part of a key.
func (k key) filesystem() (id fsid) {
	copy(id[:], k)
	return id
}

// handle is what open_by_handle_at(2) takes.
func (k key) handle() (unix.FileHandle, bool) {
	if len(k) < 16 {
		return unix.FileHandle{}, false
	}
	typ := int32(binary.NativeEndian.Uint32([]byte(k[12:16])))
	return unix.NewFileHandle(typ, []byte(k[16:])), true
}

// fsidOf asks for the identity of the filesystem of an O_PATH descriptor.
func fsidOf(fd int) (id fsid, err error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return id, err
	}
	binary.NativeEndian.PutUint32(id[:], uint32(st.Fsid.Val[0]))
	binary.NativeEndian.PutUint32(id[4:], uint32(st.Fsid.Val[1]))
	return id, nil
}

// openKey opens what a key names, without following or opening the thing
// itself (O_PATH). It takes the lock.
func (s *Sensor) openKey(k key) (int, error) {
	s.mu.Lock()
	m, closed := s.marks[k.filesystem()], s.closed
	s.mu.Unlock()
	h, ok := k.handle()
	if !ok || closed || m == nil || m.err != nil {
		return -1, unix.ESTALE
	}
	return unix.OpenByHandleAt(m.mount, h, unix.O_PATH|unix.O_CLOEXEC)
}

func procPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
