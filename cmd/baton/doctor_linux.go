package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func mayWrite(dir string) bool { return unix.Access(dir, unix.W_OK|unix.X_OK) == nil }

func ownerOf(info fs.FileInfo) (uid int, known bool) {
	stat, known := info.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(stat.Uid), true
}

// The kinds of file system that people have, by the kernel's number (statfs(2)).
var volumeKinds = map[int64]volume{
	unix.EXT4_SUPER_MAGIC:      {kind: "ext4"},
	unix.XFS_SUPER_MAGIC:       {kind: "xfs"},
	unix.BTRFS_SUPER_MAGIC:     {kind: "btrfs"},
	unix.F2FS_SUPER_MAGIC:      {kind: "f2fs"},
	0x2fc12fc1:                 {kind: "zfs"},
	unix.TMPFS_MAGIC:           {kind: "tmpfs", doubt: "it is memory, and all of it is gone with the power"},
	unix.RAMFS_MAGIC:           {kind: "ramfs", doubt: "it is memory, and all of it is gone with the power"},
	unix.OVERLAYFS_SUPER_MAGIC: {kind: "overlay", doubt: "it is a container's own, and gone with it"},
	unix.NFS_SUPER_MAGIC:       {kind: "NFS", doubt: netDoubt},
	unix.SMB_SUPER_MAGIC:       {kind: "SMB", doubt: netDoubt},
	unix.SMB2_SUPER_MAGIC:      {kind: "SMB", doubt: netDoubt},
	unix.CIFS_SUPER_MAGIC:      {kind: "SMB", doubt: netDoubt},
	unix.CEPH_SUPER_MAGIC:      {kind: "Ceph", doubt: netDoubt},
	unix.V9FS_MAGIC:            {kind: "9p", doubt: netDoubt},
	unix.FUSE_SUPER_MAGIC:      {kind: "FUSE", doubt: "whether its locks and syncs are real depends on who serves it"},
}

const netDoubt = "locks and syncs over the network are not what a log can rely on"

func volumeOf(dir string) (volume, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return volume{}, fmt.Errorf("statfs %s: %w", dir, err)
	}
	v, known := volumeKinds[int64(uint32(stat.Type))]
	if !known {
		v.kind = fmt.Sprintf("file system %#x", uint32(stat.Type))
	}
	v.free = stat.Bavail * uint64(stat.Bsize)
	return v, nil
}

func syncData(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }

// holderOf says which process has a file locked.
func holderOf(path string) string {
	const unknown = "a process that is not seen from here"
	info, err := os.Stat(path)
	if err != nil {
		return unknown
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	locks, err := os.ReadFile("/proc/locks")
	if !ok || err != nil {
		return unknown
	}
	inode := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	for line := range strings.Lines(string(locks)) {
		// 1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[5] != inode || fields[1] == "->" {
			continue
		}
		name, _ := os.ReadFile("/proc/" + fields[4] + "/comm")
		return fmt.Sprintf("process %s %s", fields[4], bytes.TrimSpace(name))
	}
	return unknown
}

func fileLimit() (limit uint64, known bool) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, false
	}
	return r.Cur, true // raised by Go as far as it may
}

func backlog() (n int, known bool) {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return 0, false
	}
	n, err = strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}

// clockState asks the kernel, and sets nothing (adjtimex(2)).
func clockState() (synced bool, off time.Duration, known bool) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, 0, false
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, time.Duration(t.Maxerror) * time.Microsecond, true
}

func memory() memoryState {
	var m memoryState
	if l := debug.SetMemoryLimit(-1); l != math.MaxInt64 {
		m.goLimit = uint64(l)
	}
	if f, err := os.Open("/proc/meminfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var kib uint64
			if n, _ := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); n == 1 {
				m.limit = kib << 10
			}
		}
	}
	if l := groupLimit("/proc/self/cgroup", "/sys/fs/cgroup"); l > 0 && (m.limit == 0 || l < m.limit) {
		m.limit, m.group = l, true
	}
	return m
}

// groupLimit returns the memory that the control groups of this process let it
// have (version 2), 0 if they do not say. A limit above counts for all below.
func groupLimit(self, root string) uint64 {
	text, err := os.ReadFile(self)
	if err != nil {
		return 0
	}
	var least uint64
	for line := range strings.Lines(string(text)) {
		path, isV2 := strings.CutPrefix(strings.TrimSpace(line), "0::")
		for at := filepath.Join("/", path); isV2; at = filepath.Dir(at) {
			text, _ := os.ReadFile(filepath.Join(root, at, "memory.max"))
			if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil && (least == 0 || n < least) {
				least = n
			}
			if at == "/" {
				break
			}
		}
	}
	return least
}
