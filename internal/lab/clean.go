package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// prefix begins the name of every lab's directory.
const prefix = "waxseal-lab-"

// owner is the program that made a lab, as kept in the file "owner" of the
// lab's directory. Trusted by Clean, which removes the lab of a dead owner; the
// directory is open to root alone.
type owner struct {
	PID int `json:"pid"`
	// Started, in clock ticks since boot (proc_pid_stat(5)), tells the owner
	// from a later process that was given its number.
	Started string `json:"started"`
}

func writeOwner(dir string) error {
	started, err := startTime(os.Getpid())
	if err != nil {
		return err
	}
	text, err := json.Marshal(owner{os.Getpid(), started})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "owner"), text, 0o600)
}

func startTime(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name in brackets may hold anything, so count from the last bracket.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat: too short", pid)
	}
	return fields[19], nil
}

// alive reports whether the program that made the lab in dir still runs.
func alive(dir string) bool {
	var o owner
	text, err := os.ReadFile(filepath.Join(dir, "owner"))
	if err != nil || json.Unmarshal(text, &o) != nil {
		// Between the making of the directory and of the file lies an instant.
		info, err := os.Stat(dir)
		return err == nil && time.Since(info.ModTime()) < time.Minute
	}
	started, err := startTime(o.PID)
	return err == nil && started == o.Started
}

// Abandoned are the directories of the labs whose makers are gone without
// closing them, in the directory for temporary files.
func Abandoned() []string {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	return slices.DeleteFunc(dirs, alive)
}

// Clean removes the abandoned labs, ends what still runs in them, and returns
// their directories. Audit rules are the agent's: "waxseal doctor --clean"
// removes those.
func Clean() ([]string, error) {
	var removed []string
	var problems []error
	for _, dir := range Abandoned() {
		for _, pid := range Processes(dir) {
			unix.Kill(pid, unix.SIGKILL)
		}
		for range 100 {
			if len(Processes(dir)) == 0 {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err := removeLab(dir); err != nil {
			problems = append(problems, err)
			continue
		}
		removed = append(removed, dir)
	}
	return removed, errors.Join(problems...)
}

// Processes are the numbers of the processes whose root is in dir.
func Processes(dir string) []int {
	var found []int
	links, _ := filepath.Glob("/proc/[0-9]*/root")
	for _, link := range links {
		root, err := os.Readlink(link)
		if err != nil || root != dir && !strings.HasPrefix(root, dir+"/") {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(link, "/")[2]); err == nil {
			found = append(found, pid)
		}
	}
	return found
}

// Mounts are the mount points of this process's namespace at or below dir.
func Mounts(dir string) ([]string, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var found []string
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := unescape.Replace(fields[4])
		if point == dir || strings.HasPrefix(point, dir+"/") {
			found = append(found, point)
		}
	}
	return found, nil
}

// removeLab removes a lab's directory, unless something is mounted below it:
// then what would be removed is not ours.
func removeLab(dir string) error {
	mounts, err := Mounts(dir)
	if err != nil {
		return err
	}
	if len(mounts) > 0 {
		return fmt.Errorf("keep %q: mounted below it: %s", dir, strings.Join(mounts, ", "))
	}
	err = os.RemoveAll(dir)
	if errors.Is(err, fs.ErrPermission) {
		// Tampering may have set the immutable flag on a file.
		exec.Command("chattr", "-R", "-f", "-ia", dir).Run()
		err = os.RemoveAll(dir)
	}
	return err
}

// Left lists what of the lab in dir is still there: processes, mounts, the
// directory. Empty is what should be after Close.
func Left(dir string) []string {
	var left []string
	for _, pid := range Processes(dir) {
		left = append(left, fmt.Sprintf("process %d", pid))
	}
	mounts, err := Mounts(dir)
	if err != nil {
		left = append(left, err.Error())
	}
	for _, point := range mounts {
		left = append(left, "mount "+point)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		left = append(left, "directory "+dir)
	}
	return slices.Clip(left)
}
