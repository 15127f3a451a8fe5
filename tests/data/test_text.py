"""Lists in any encoding: read, or one sentence with the encodings to choose."""

import codecs

import pytest

from lookalike.data.text import first_line, read_json, read_text, text_encoding
from lookalike.errors import UserError

TEXT = "path,pid\r\n0.jpg,店员\n1.jpg,人员\n"


def written(tmp_path, content):
    file = tmp_path / "list.csv"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_says_its_encoding_is_read(tmp_path, encoding):
    assert read_text(written(tmp_path, TEXT.encode(encoding))) == TEXT


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_read(tmp_path, encoding):
    assert read_text(written(tmp_path, TEXT.encode(encoding))) == TEXT
    marked = codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be")
    assert read_text(written(tmp_path, marked)) == TEXT


@pytest.mark.parametrize("encoding", ["gbk", "big5", "shift_jis"])
def test_another_encoding_is_named_and_can_be_chosen(tmp_path, encoding):
    text = "path,pid\n0.jpg,人\n"
    file = written(tmp_path, text.encode(encoding))
    with pytest.raises(UserError, match=r"isn't UTF-8 in line 2: name its encoding, .*" + encoding):
        read_text(file)
    with text_encoding(encoding):
        assert read_text(file) == text
    with pytest.raises(UserError, match="isn't UTF-8"):  # chosen for one reading only
        read_text(file)


def test_latin1_is_read_when_it_is_chosen(tmp_path):
    file = written(tmp_path, "path,pid\n0.jpg,Zoë\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"list\.csv' isn't UTF-8 in line 2.*latin-1"):
        read_text(file)
    with text_encoding("latin-1"):
        assert read_text(file).endswith("Zoë\n")
    with text_encoding("gbk"), pytest.raises(UserError, match="isn't GBK in line 2"):
        read_text(file)


def test_a_mark_counts_more_than_the_choice(tmp_path):
    with text_encoding("gbk"):
        assert read_text(written(tmp_path, TEXT.encode("utf-16"))) == TEXT


@pytest.mark.parametrize("name", ["utf-9", "rot13", "base64", "\0"])
def test_unknown_encodings_are_refused(name):
    with pytest.raises(UserError, match="There is no encoding"), text_encoding(name):
        pass


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"Can't read .*No such file"):
        read_text(tmp_path / "gone.csv")
    with pytest.raises(UserError, match="Can't read"):
        read_text(tmp_path)
    assert read_text(written(tmp_path, b"")) == ""


@pytest.mark.parametrize("text", ["{", "[" * 100_000, "[" + "7" * 5000 + "]"])
def test_json_that_cannot_be_read_is_one_sentence(tmp_path, text):
    file = written(tmp_path, text.encode())
    with pytest.raises(UserError, match=r"list\.csv' isn't JSON that can be read \(.*\)\.$"):
        read_json(file)
    assert read_json(written(tmp_path, '{"名": 1}'.encode("utf-16"))) == {"名": 1}


def test_the_first_line_tells_a_list_in_any_encoding(tmp_path):
    assert first_line(written(tmp_path, TEXT.encode("utf-16"))).strip() == "path,pid"
    assert first_line(written(tmp_path, TEXT.encode("gbk"))).strip() == "path,pid"
    assert len(first_line(written(tmp_path, b"x" * 10**6))) == 4096
