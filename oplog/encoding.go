package oplog

import (
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/baton-relay/baton/clock"
)

var errEntry = errors.New("entry bytes are malformed")

// ErrChecksum says that stored bytes are not those that were written.
var ErrChecksum = errors.New("checksum does not match")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const checksumBytes = 4

// Seal appends body behind its CRC-32C (four bytes, big endian). The checksum
// also covers the key under which the value is stored, so that a value in the
// wrong place is found too.
func Seal(dst, key, body []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
	dst = binary.BigEndian.AppendUint32(dst, sum)
	return append(dst, body...)
}

// Unseal returns the body of a sealed value, or [ErrChecksum].
func Unseal(key, sealed []byte) ([]byte, error) {
	if len(sealed) < checksumBytes {
		return nil, ErrChecksum
	}
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, sealed[checksumBytes:])
	if binary.BigEndian.Uint32(sealed) != sum {
		return nil, ErrChecksum
	}
	return sealed[checksumBytes:], nil
}

const (
	flagRedacted = 1 << iota
	flagExt
	flagsKnown = flagRedacted | flagExt
)

// AppendEntry appends the stored form of an entry, all but its offset, which is
// in its key:
//
//	byte    flags: 1 redacted, 2 with ext
//	uvarint at
//	uvarint length, actor
//	uvarint seq
//	uvarint length, by
//	clock   (clock.Vector.AppendBinary)
//	uvarint length, ext     only with flag 2
//	payload                 to the end
func AppendEntry(dst []byte, e *Entry) []byte {
	var flags byte
	if e.Redacted {
		flags |= flagRedacted
	}
	if e.Ext != nil {
		flags |= flagExt
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(e.At))
	dst = binary.AppendUvarint(dst, uint64(len(e.Actor)))
	dst = append(dst, e.Actor...)
	dst = binary.AppendUvarint(dst, e.Seq)
	dst = binary.AppendUvarint(dst, uint64(len(e.By)))
	dst = append(dst, e.By...)
	dst = e.Clock.AppendBinary(dst)
	if e.Ext != nil {
		dst = binary.AppendUvarint(dst, uint64(len(e.Ext)))
		dst = append(dst, e.Ext...)
	}
	return append(dst, e.Payload...)
}

// entryHead is how the stored form of an entry begins.
type entryHead struct {
	flags   byte
	at, seq uint64
	actor   []byte
}

// parseEntryHead returns the head of an entry and what follows it.
func parseEntryHead(b []byte) (h entryHead, rest []byte, ok bool) {
	if len(b) == 0 || b[0]&^flagsKnown != 0 {
		return h, nil, false
	}
	h.flags, b = b[0], b[1:]
	if h.at, b, ok = uvarint(b); !ok || h.at > clock.MaxSeq {
		return h, nil, false
	}
	if h.actor, b, ok = lengthPrefixed(b); !ok {
		return h, nil, false
	}
	h.seq, b, ok = uvarint(b)
	return h, b, ok && h.seq > 0 && h.seq <= clock.MaxSeq
}

// EntryIsNamed reports whether the sealed form of an entry has one of the names.
// It reads only the beginning and does not verify the checksum: [Unseal] does.
func EntryIsNamed(sealed []byte, names map[clock.Dot]bool) bool {
	if len(sealed) < checksumBytes {
		return false
	}
	h, _, ok := parseEntryHead(sealed[checksumBytes:])
	return ok && names[clock.Dot{Actor: clock.Actor(h.actor), Seq: h.seq}]
}

// ParseEntry reads what [AppendEntry] wrote into e, all but the offset.
// Payload and Ext alias b.
func ParseEntry(b []byte, e *Entry) error {
	h, b, ok := parseEntryHead(b)
	if !ok {
		return errEntry
	}
	actor, err := clock.ParseActor(h.actor)
	if err != nil {
		return err
	}
	by, b, ok := lengthPrefixed(b)
	if !ok {
		return errEntry
	}
	c, b, err := clock.ParseBinary(b)
	if err != nil {
		return err
	}
	*e = Entry{
		Op:       Op{Dot: clock.Dot{Actor: actor, Seq: h.seq}, Clock: c},
		At:       int64(h.at),
		By:       string(by),
		Redacted: h.flags&flagRedacted != 0,
	}
	if h.flags&flagExt != 0 {
		if e.Ext, b, ok = lengthPrefixed(b); !ok {
			return errEntry
		}
	}
	if e.Redacted != (len(b) == 0) {
		return errEntry
	}
	if len(b) > 0 {
		e.Payload = b
	}
	return nil
}
