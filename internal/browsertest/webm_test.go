//go:build linux

package browsertest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// This file makes a video: one picture of a single grey every ten seconds, in
// WebM (RFC 8794, RFC 9559). Between the pictures lie megabytes of nothing,
// which cost no disk, so that no browser has the end when it has read the
// beginning.

const (
	pictures = 32
	interval = 10_000  // milliseconds
	nothing  = 8 << 20 // bytes between two pictures
)

// grey is the value of red, green and blue in a picture.
func grey(picture int) int { return 16 + 7*picture }

// Elements of WebM.
const (
	idEBML, idDocType                                = 0x1A45DFA3, 0x4282
	idDocTypeVersion, idDocTypeReadVersion           = 0x4287, 0x4285
	idSegment, idInfo, idTimestampScale, idDuration  = 0x18538067, 0x1549A966, 0x2AD7B1, 0x4489
	idTracks, idTrackEntry, idTrackNumber, idTrackID = 0x1654AE6B, 0xAE, 0xD7, 0x73C5
	idTrackType, idCodec, idVideo, idWidth, idHeight = 0x83, 0x86, 0xE0, 0xB0, 0xBA
	idCues, idCuePoint, idCueTime, idCuePositions    = 0x1C53BB6B, 0xBB, 0xB3, 0xB7
	idCueTrack, idCuePosition, idDefaultDuration     = 0xF7, 0xF1, 0x23E383
	idCluster, idTimestamp, idSimpleBlock, idVoid    = 0x1F43B675, 0xE7, 0xA3, 0xEC
)

// element returns an element: its ID, its size in eight bytes, its content.
func element(id uint32, content ...[]byte) []byte {
	body := bytes.Join(content, nil)
	return append(head(id, len(body)), body...)
}

func head(id uint32, size int) []byte {
	b := bytes.TrimLeft(binary.BigEndian.AppendUint32(nil, id), "\x00")
	return binary.BigEndian.AppendUint64(b, 1<<56|uint64(size))
}

func number(id uint32, n int) []byte {
	return element(id, binary.BigEndian.AppendUint64(nil, uint64(n)))
}

// writeVideo writes a video of frames, which are key frames of VP8, and
// returns its size. The pictures are as good as evenly spread.
func writeVideo(t *testing.T, path string, frames [][]byte) (size int) {
	t.Helper()
	duration := binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(len(frames)*interval)))
	info := element(idInfo, number(idTimestampScale, 1_000_000), element(idDuration, duration))
	tracks := element(idTracks, element(idTrackEntry,
		number(idTrackNumber, 1), number(idTrackID, 1), number(idTrackType, 1),
		number(idDefaultDuration, interval*1_000_000), // or the browser reads on to learn it
		element(idCodec, []byte("V_VP8")),
		element(idVideo, number(idWidth, 64), number(idHeight, 64))))
	var clusters [][]byte
	for i, frame := range frames {
		block := append([]byte{0x81, 0, 0, 0x80}, frame...) // track 1, at the cluster's time, a key frame
		clusters = append(clusters, element(idCluster, number(idTimestamp, i*interval), element(idSimpleBlock, block)))
	}
	begin := len(info) + len(tracks) + len(cues(clusters, 0))
	size = begin
	for _, cluster := range clusters {
		size += len(cluster) + nothing
	}
	file, err := os.Create(path)
	require.NoError(t, err)
	for _, part := range [][]byte{
		element(idEBML, element(idDocType, []byte("webm")), number(idDocTypeVersion, 4), number(idDocTypeReadVersion, 2)),
		head(idSegment, size), info, tracks, cues(clusters, begin),
	} {
		_, err = file.Write(part)
		require.NoError(t, err)
	}
	for _, cluster := range clusters {
		void := head(idVoid, nothing-len(head(idVoid, 0)))
		_, err = file.Write(append(cluster, void...))
		require.NoError(t, err)
		end, err := file.Seek(int64(nothing-len(void)), 1)
		require.NoError(t, err)
		require.NoError(t, file.Truncate(end))
	}
	require.NoError(t, file.Close())
	return size
}

// cues says where each picture is. Its size does not depend on begin, the
// place of the first cluster in the segment.
func cues(clusters [][]byte, begin int) []byte {
	var points [][]byte
	for i, cluster := range clusters {
		points = append(points, element(idCuePoint, number(idCueTime, i*interval),
			element(idCuePositions, number(idCueTrack, 1), number(idCuePosition, begin))))
		begin += len(cluster) + nothing
	}
	return element(idCues, points...)
}

// frames has the browser draw the pictures. What it calls WebP is a key frame
// of VP8 in a RIFF container.
func frames(p *page) (frames [][]byte) {
	p.t.Helper()
	for i := range pictures {
		text := value[string](p, fmt.Sprintf(`(() => {
			const canvas = document.createElement("canvas");
			canvas.width = canvas.height = 64;
			const pen = canvas.getContext("2d", {alpha: false});
			pen.fillStyle = "rgb(%[1]d %[1]d %[1]d)";
			pen.fillRect(0, 0, 64, 64);
			return canvas.toDataURL("image/webp", .9).split(",")[1];
		})()`, grey(i)))
		riff, err := base64.StdEncoding.DecodeString(text)
		require.NoError(p.t, err)
		frame, err := vp8(riff)
		require.NoError(p.t, err)
		frames = append(frames, frame)
	}
	return frames
}

// vp8 returns the chunk of lossy VP8 in a WebP file (RFC 9649).
func vp8(riff []byte) ([]byte, error) {
	for at := 12; at+8 <= len(riff); {
		size := int(binary.LittleEndian.Uint32(riff[at+4:]))
		if string(riff[at:at+4]) == "VP8 " {
			return riff[at+8 : at+8+size], nil
		}
		at += 8 + size + size%2
	}
	return nil, errors.New("the browser makes no lossy WebP")
}
