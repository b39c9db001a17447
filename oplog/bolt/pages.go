package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// pageWalk follows the pages of a bbolt file from its root, by reading the
// file. bbolt itself trusts its pages: a damaged one makes it panic or touch
// memory that is not there, in goroutines where nobody can catch that. A file
// that passes this walk is safe to open. What the keys and values say is not
// looked at.
//
// Layout of bbolt's file, all numbers in the byte order of the machine:
//
//	page    uint64 id, uint16 flags, uint16 count, uint32 overflow, then
//	  branch  count × (uint32 pos, uint32 ksize, uint64 page), keys
//	  leaf    count × (uint32 flags, uint32 pos, uint32 ksize, uint32 vsize), keys and values
//	  meta    uint32 magic, version, page size, flags, bucket root, uint64 freelist, end, txid, FNV-1a
//	bucket  uint64 page, uint64 sequence, and for page 0 the bucket's only page
//
// pos counts from the start of its own element.
type pageWalk struct {
	file   io.ReaderAt
	report func(page uint64, err error)

	size    int64 // of the file
	page    int64 // size of a page
	end     uint64
	visited map[uint64]bool
}

const (
	pageHeader  = 16
	pageElement = 16
	metaBytes   = 64

	flagBranch     = 0x01
	flagLeaf       = 0x02
	flagBucketLeaf = 0x01

	bboltMagic   = 0xED0CDAED
	bboltVersion = 2
)

// walkPages reports what is wrong with the pages of the file at path. The error
// is about the file itself.
func walkPages(path string, report func(page uint64, err error)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w := pageWalk{file: f, report: report, size: info.Size(), visited: map[uint64]bool{}}
	if root, ok := w.metas(); ok {
		w.walk(root)
	}
	return nil
}

// metas reads the two meta pages and returns the page of the root bucket.
func (w *pageWalk) metas() (root uint64, ok bool) {
	var newest uint64
	sizes := []int64{int64(os.Getpagesize()), 4 << 10, 16 << 10, 64 << 10}
	for i := range uint64(2) {
		m, err := w.meta(i, sizes)
		if err != nil {
			w.report(i, fmt.Errorf("meta page: %w", err))
			continue
		}
		w.page = int64(m.pageSize)
		sizes = []int64{w.page}
		if !ok || m.txid > newest {
			root, newest, w.end, ok = m.root, m.txid, m.end, true
		}
	}
	if ok && int64(w.end) > w.size/w.page {
		w.report(w.end-1, fmt.Errorf("the file ends before it, after %d bytes", w.size))
	}
	return root, ok
}

type metaPage struct {
	pageSize        uint32
	root, end, txid uint64
}

// meta reads meta page i, which is at one of the given page sizes.
func (w *pageWalk) meta(i uint64, sizes []int64) (m metaPage, err error) {
	for _, size := range sizes {
		b := make([]byte, pageHeader+metaBytes)
		if _, err = w.file.ReadAt(b, int64(i)*size); err != nil {
			continue
		}
		if m, err = parseMeta(b[pageHeader:]); err == nil {
			return m, nil
		}
	}
	return m, err
}

func parseMeta(b []byte) (m metaPage, err error) {
	order := binary.NativeEndian
	h := fnv.New64a()
	h.Write(b[:56])
	m = metaPage{order.Uint32(b[8:]), order.Uint64(b[16:]), order.Uint64(b[40:]), order.Uint64(b[48:])}
	switch {
	case order.Uint32(b) != bboltMagic || order.Uint32(b[4:]) != bboltVersion:
		return m, errors.New("it is not that of a bbolt file")
	case order.Uint64(b[56:]) != h.Sum64():
		return m, errors.New("checksum does not match")
	case m.pageSize < 512 || m.pageSize > 1<<24:
		return m, fmt.Errorf("page size %d", m.pageSize)
	}
	return m, nil
}

// walk checks a page and what is below it.
func (w *pageWalk) walk(id uint64) {
	b, err := w.read(id)
	if err != nil {
		w.report(id, err)
		return
	}
	children, err := w.children(b.bytes, b.size)
	if err != nil {
		w.report(id, err)
	}
	for _, child := range children {
		w.walk(child)
	}
}

// read returns a page with its overflow, of which it leaves out what only holds
// values.
func (w *pageWalk) read(id uint64) (p span, err error) {
	if id < 2 || id >= w.end {
		return p, fmt.Errorf("it is outside the file's %d pages", w.end)
	}
	if w.visited[id] {
		return p, errors.New("it is in use twice")
	}
	w.visited[id] = true
	p.bytes = make([]byte, w.page)
	if _, err := w.file.ReadAt(p.bytes, int64(id)*w.page); err != nil {
		return p, err
	}
	order := binary.NativeEndian
	overflow := uint64(order.Uint32(p.bytes[12:]))
	p.size = int(overflow+1) * int(w.page)
	switch {
	case order.Uint64(p.bytes) != id:
		return p, fmt.Errorf("it says that it is page %d", order.Uint64(p.bytes))
	case overflow >= w.end-id:
		return p, fmt.Errorf("its length of %d pages passes the end", overflow+1)
	case overflow > 0 && needsAll(p.bytes):
		p.bytes = make([]byte, p.size)
		_, err = w.file.ReadAt(p.bytes, int64(id)*w.page)
	}
	return p, err
}

// span is a page and those that it flows over into.
type span struct {
	bytes []byte // from the start, but maybe not all
	size  int
}

// needsAll reports whether the first page of several does not have all elements,
// or has one that is a bucket.
func needsAll(b []byte) bool {
	flags, count := binary.NativeEndian.Uint16(b[8:]), int(binary.NativeEndian.Uint16(b[10:]))
	if pageHeader+count*pageElement > len(b) {
		return true
	}
	for i := range count {
		at := pageHeader + i*pageElement
		if flags == flagLeaf && binary.NativeEndian.Uint32(b[at:])&flagBucketLeaf != 0 {
			return true
		}
	}
	return false
}

// children checks the elements of a page of some size, which may lie inside of
// another, and returns the pages that it refers to.
func (w *pageWalk) children(b []byte, size int) (ids []uint64, err error) {
	order := binary.NativeEndian
	flags, count := order.Uint16(b[8:]), int(order.Uint16(b[10:]))
	switch {
	case flags != flagBranch && flags != flagLeaf:
		return nil, fmt.Errorf("it is of type %#x", flags)
	case pageHeader+count*pageElement > len(b):
		return nil, fmt.Errorf("its %d elements do not fit into it", count)
	case flags == flagBranch && count == 0:
		return nil, errors.New("it is a branch without elements")
	}
	for i := range count {
		at := pageHeader + i*pageElement
		e := b[at : at+pageElement]
		if flags == flagBranch {
			if !within(size, at, order.Uint32(e), order.Uint32(e[4:]), 0) {
				return ids, fmt.Errorf("key %d passes its end", i)
			}
			ids = append(ids, order.Uint64(e[8:]))
			continue
		}
		pos, ksize, vsize := order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:])
		if !within(size, at, pos, ksize, vsize) {
			return ids, fmt.Errorf("element %d passes its end", i)
		}
		if order.Uint32(e)&flagBucketLeaf != 0 {
			from := at + int(pos) + int(ksize)
			below, err := w.bucket(b[from : from+int(vsize)])
			if err != nil {
				return ids, fmt.Errorf("bucket %d: %w", i, err)
			}
			ids = append(ids, below...)
		}
	}
	return ids, nil
}

// bucket returns the pages that a bucket refers to.
func (w *pageWalk) bucket(b []byte) ([]uint64, error) {
	const header = 16
	switch {
	case len(b) < header:
		return nil, errors.New("its header is too short")
	case binary.NativeEndian.Uint64(b) != 0:
		return []uint64{binary.NativeEndian.Uint64(b)}, nil
	case len(b) < header+pageHeader:
		return nil, errors.New("its page is too short")
	}
	return w.children(b[header:], len(b)-header)
}

// within reports whether key and value of an element lie inside its page.
func within(size, at int, pos, ksize, vsize uint32) bool {
	return uint64(at)+uint64(pos)+uint64(ksize)+uint64(vsize) <= uint64(size)
}
