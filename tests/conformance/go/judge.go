// Judge asks golang.org/x/mod/sumdb/note and tlog about notes, proofs and tiles of the ledger.
//
// It reads one question a line, as JSON, and answers one line each: "yes", or "no: " and the library's words. The
// library is written by others, and is the one that checks Go's own checksum database.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Kind  string            `json:"kind"`
	Note  string            `json:"note"`
	Vkey  string            `json:"vkey"`
	Text  string            `json:"text"`
	Size  int64             `json:"size"`
	Old   int64             `json:"old"`
	Index int64             `json:"index"`
	Root  tlog.Hash         `json:"root"`
	Node  tlog.Hash         `json:"node"`
	Entry []byte            `json:"entry"`
	Proof []tlog.Hash       `json:"proof"`
	Tiles map[string][]byte `json:"tiles"`
	Paths []string          `json:"paths"`
}

// open: the note is signed by the key, and its text is the one given.
func open(q question) error {
	verifier, err := note.NewVerifier(q.Vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open([]byte(q.Note), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	if opened.Text != q.Text || len(opened.Sigs) != 1 || opened.Sigs[0].Name != verifier.Name() {
		return fmt.Errorf("another text or signer")
	}
	return nil
}

type folder map[string][]byte

func (f folder) Height() int                     { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		data, ok := f[ours(tile)]
		if !ok {
			return nil, fmt.Errorf("no tile %s", ours(tile))
		}
		out = append(out, data)
	}
	return out, nil
}

// ours: Go's names have the height in them, tlog-tiles' have not.
func ours(tile tlog.Tile) string { return strings.Replace(tile.Path(), "tile/8/", "tile/", 1) }

// tiles: the root comes out of them, and the entry is proven from them.
func tiles(q question) error {
	reader := tlog.TileHashReader(tlog.Tree{N: q.Size, Hash: q.Root}, folder(q.Tiles))
	root, err := tlog.TreeHash(q.Size, reader)
	if err != nil {
		return err
	}
	if root != q.Root {
		return fmt.Errorf("root %s", root)
	}
	proof, err := tlog.ProveRecord(q.Size, q.Index, reader)
	if err != nil {
		return err
	}
	if fmt.Sprint(proof) != fmt.Sprint(tlog.RecordProof(q.Proof)) {
		return fmt.Errorf("another proof: %v", proof)
	}
	return tlog.CheckRecord(proof, q.Size, q.Root, q.Index, tlog.RecordHash(q.Entry))
}

// paths: the tiles that a log of that size has, without those that the old one had. Go lists every width that a tile had
// on the way, the old one first; the last stays, if the old log did not have it.
func paths(q question) error {
	want, widest := map[string]bool{}, map[[2]int64]tlog.Tile{}
	for _, tile := range tlog.NewTiles(8, q.Old, q.Size) {
		if place := [2]int64{int64(tile.L), tile.N}; tile.W > widest[place].W {
			widest[place] = tile
		}
	}
	for _, tile := range widest {
		if q.Old>>(8*tile.L)-tile.N*256 < int64(tile.W) {
			want[ours(tile)] = true
		}
	}
	for _, path := range q.Paths {
		if !want[path] {
			return fmt.Errorf("%s is not among Go's", path)
		}
		delete(want, path)
	}
	if len(want) > 0 {
		return fmt.Errorf("missing: %v", want)
	}
	return nil
}

func answer(q question) error {
	switch q.Kind {
	case "note":
		return open(q)
	case "inclusion":
		return tlog.CheckRecord(q.Proof, q.Size, q.Root, q.Index, tlog.RecordHash(q.Entry))
	case "consistency":
		return tlog.CheckTree(q.Proof, q.Size, q.Root, q.Old, q.Node)
	case "tiles":
		return tiles(q)
	case "paths":
		return paths(q)
	}
	return fmt.Errorf("no such kind: %q", q.Kind)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var q question
		err := json.Unmarshal(in.Bytes(), &q)
		if err == nil {
			err = answer(q)
		}
		if err != nil {
			fmt.Fprintf(out, "no: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Fprintln(out, "yes")
		}
	}
	if err := in.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
