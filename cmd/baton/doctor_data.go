package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/baton-relay/baton/oplog"
	"github.com/baton-relay/baton/oplog/bolt"
)

// Free space below which there is something to do.
const (
	spaceWarn = 1 << 30
	spaceFail = 64 << 20 // a few growths of the log's file
)

// checkFolder asks whether the log can be where it is to be, and who may read it.
func checkFolder(_ context.Context, x *examination) []finding {
	dir, err := filepath.Abs(x.Data)
	if err != nil {
		return bad(stateFail, "give --data an absolute path", "%v", err)
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		at := existing(dir)
		if !mayWrite(at) {
			return bad(stateFail, "make it: install -d -m 700 -o USER "+dir, "%s is not there, and this user may not make it in %s", dir, at)
		}
		return append(good("%s is not there yet, and can be made", dir), checkVolume(at)...)
	}
	switch {
	case err != nil:
		return bad(stateFail, "give --data a folder of this user", "%v", err)
	case !info.IsDir():
		return bad(stateFail, "give --data a folder", "%s is none", dir)
	case !mayWrite(dir):
		return bad(stateFail, "give it to this user: chown USER "+dir, "this user may not write to %s", dir)
	}
	var found []finding
	if uid, known := ownerOf(info); known && uid != os.Geteuid() {
		found = append(found, bad(stateWarn, fmt.Sprintf("run the relay and this as user %d, or chown the folder", uid),
			"%s belongs to user %d, and this is user %d", dir, uid, os.Geteuid())...)
	}
	if openToAll(info.Mode()) {
		found = append(found, bad(stateWarn, "take that away: chmod o-rwx "+dir, "every user of this machine may enter %s (%v)", dir, info.Mode().Perm())...)
	}
	if len(found) == 0 {
		found = good("%s is this user's alone (%v)", dir, info.Mode().Perm())
	}
	return append(found, checkVolume(dir)...)
}

// existing returns the folder of path that is there.
func existing(path string) string {
	for {
		if info, err := os.Stat(path); err == nil && info.IsDir() || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// checkVolume looks at the file system of a folder.
func checkVolume(dir string) []finding {
	v, err := volumeOf(dir)
	if err != nil {
		return bad(stateWarn, "look with df "+dir, "how much space there is is not known: %v", err)
	}
	var found []finding
	switch {
	case v.free < spaceFail:
		found = bad(stateFail, "make room; the relay refuses ops when there is none", "%s are free (%s)", bytesOf(v.free), v.kind)
	case v.free < spaceWarn:
		found = bad(stateWarn, "make room, or see that somebody is told before it is full", "%s are free (%s)", bytesOf(v.free), v.kind)
	default:
		found = good("%s are free (%s)", bytesOf(v.free), v.kind)
	}
	if v.doubt != "" {
		found = append(found, bad(stateWarn, "put --data on a disk of this machine, or a volume", "the file system is %s: %s", v.kind, v.doubt)...)
	}
	return found
}

// volume is a file system.
type volume struct {
	free  uint64 // bytes that this user can have
	kind  string
	doubt string // why a log should not be there, if so
}

// checkLog opens the log to look at it. A relay that has it open is asked how it is.
func checkLog(ctx context.Context, x *examination) []finding {
	path := filepath.Join(x.Data, "oplog.db")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return good("there is none yet; the relay makes one")
	}
	log, err := bolt.OpenReadOnly(path, bolt.Options{})
	switch {
	case errors.Is(err, bolt.ErrEmpty):
		return bad(stateFail, "restore a backup; or, to begin anew, delete the file", "%s is empty: what it held is lost", path)
	case errors.Is(err, oplog.ErrInUse):
		return x.checkHeld(ctx, path)
	case err != nil:
		return bad(stateFail, "baton check "+path+" says what is damaged; restore a backup, or keep a copy before you go on", "%v", err)
	}
	if err := log.Close(); err != nil {
		return bad(stateFail, "look into the system's log", "%v", err)
	}
	return good("%s opens (%s)", path, bytesOf(uint64(info.Size())))
}

func (x *examination) checkHeld(ctx context.Context, path string) []finding {
	who := holderOf(path)
	status, err := x.ask(ctx, x.TLS.scheme("http")+"://"+localAddress(x.Listen)+"/readyz")
	switch {
	case err != nil:
		return bad(stateWarn, "if that is no relay, end it; else look whether --listen is that relay's", "%s is held by %s, and none answers at %s", path, who, x.Listen)
	case status != 200:
		return bad(stateFail, "its log says why it is not ready", "%s is held by %s, and /readyz there answers %d", path, who, status)
	}
	return good("a running relay has it open (%s), and is ready", who)
}

// Times of a sync at which there is something to do.
const (
	syncWarn  = 20 * time.Millisecond
	syncFail  = 200 * time.Millisecond
	syncDoubt = 50 * time.Microsecond
)

// checkSyncs writes as the log does for about a second, and measures how long it
// takes until that is on the disk.
func checkSyncs(ctx context.Context, x *examination) []finding {
	dir, err := filepath.Abs(x.Data)
	if err != nil {
		return nil // said above
	}
	took, err := measureSyncs(ctx, existing(dir), time.Second)
	if err != nil {
		return bad(stateFail, "the disk must take writes", "%v", err)
	}
	return judgeSyncs(took)
}

func measureSyncs(ctx context.Context, dir string, last time.Duration) (took []time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".baton-doctor-*")
	if err != nil {
		return nil, fmt.Errorf("write a file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	page := make([]byte, 4<<10)
	for end := time.Now().Add(last); time.Now().Before(end) && ctx.Err() == nil; {
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return nil, fmt.Errorf("write a file: %w", err)
		}
		if err := syncData(f); err != nil {
			return nil, fmt.Errorf("sync a file: %w", err)
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

func judgeSyncs(took []time.Duration) []finding {
	if len(took) == 0 {
		return nil
	}
	slices.Sort(took)
	p50, p99, most := took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	says := fmt.Sprintf("a write of 4 KiB is on the disk after %v (p50), %v (p99), %v (max of %d)",
		round(p50), round(p99), round(most), len(took))
	switch {
	case p99 > syncFail:
		return bad(stateFail, "every op waits for that: use a faster disk, or one that others leave alone", "%s", says)
	case p99 > syncWarn:
		return bad(stateWarn, "every op waits for that: a local SSD needs a few ms", "%s", says)
	case p50 < syncDoubt:
		return bad(stateWarn, "see that it has a battery, or that its write cache is off: what is acked must outlive the power", "%s: faster than disks are, so it may not be on the disk at all", says)
	}
	return good("%s", says)
}

// round leaves three digits or so.
func round(d time.Duration) time.Duration {
	if d > time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
