"""Which name of a source an image goes by."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.data.poses.match import match, shared

DATA = "/data/bench/"


def found(names, *paths):
    """What each image goes by, paths below the root."""
    return {p.removeprefix(DATA): n for p, n in match(names, [DATA + p for p in paths]).items()}


def test_path_below_the_root_or_more_or_less_of_it():
    image = "train/ann/1.jpg"
    for name in (image, f"./{image}", "ann/1.jpg", "1.jpg", "1", "train/ann/1", "ann\\1.jpg",
                 f"bench/{image}", f"{DATA}{image}", "ann/1.png"):  # fmt: skip
        assert found([name, "other"], image) == {image: name}, name


def test_the_longest_name_wins():
    names = ["1.jpg", "ann/1.jpg", "bob/1"]
    assert found(names, "ann/1.jpg", "bob/1.jpg", "eve/1.jpg") == {
        "ann/1.jpg": "ann/1.jpg",
        "bob/1.jpg": "1.jpg",  # with its suffix before without
        "eve/1.jpg": "1.jpg",
    }


def test_a_name_of_another_folder_is_another_image():
    assert found(["ann/1.jpg"], "ann/1.jpg", "bob/1.jpg") == {"ann/1.jpg": "ann/1.jpg"}
    assert found(["0001_c1.jpg"], "0001_c12.jpg", "10001_c1.jpg") == {}


def test_folders_count_for_nothing_if_none_is_the_images():
    names = ["/home/me/market/x.jpg", "/home/me/market/y.jpg", "a/z.jpg", "b/z.jpg"]
    assert found(names, "train/x.jpg", "train/z.jpg", "query/y.png") == {
        "train/x.jpg": names[0],
        "query/y.png": names[1],
    }
    assert found([*names, "query/y.png"], "train/x.jpg", "query/y.png") == {
        "query/y.png": "query/y.png"
    }


def test_stems_that_two_names_have():
    assert found(["x.jpg", "x.png"], "x.png", "x.bmp") == {"x.png": "x.png"}
    assert found(["x.v2"], "x.v2.jpg", "x.jpg") == {"x.v2.jpg": "x.v2"}


def test_images_that_share_a_name():
    both = match(["1.jpg", "2.jpg"], ["/d/cam_a/1.jpg", "/d/cam_b/1.jpg", "/d/cam_b/2.jpg"])
    assert shared(both) == ["/d/cam_a/1.jpg", "/d/cam_b/1.jpg"]
    assert shared(match(["1.jpg", "2.jpg"], ["/d/1.jpg", "/d/2.jpg", "/d/1.jpg"])) == []


part = st.text("ab.1", min_size=1, max_size=3).filter(lambda t: t.strip(".") != "")


@settings(deadline=None)
@given(st.lists(st.lists(part, min_size=1, max_size=3).map("/".join), unique=True, max_size=8))
def test_images_find_themselves(paths):
    paths = [f"{path}.jpg" for path in paths]
    assert found(paths, *paths) == {path: path for path in paths}
    assert found([path.removesuffix(".jpg") for path in paths], *paths) == {
        path: path.removesuffix(".jpg") for path in paths
    }


def test_names_that_pose_transfer_made_of_deepfashions_paths():
    names = ["fashionWOMENBlouses_Shirtsid0000000102_1front.jpg",
             "fashionMENDenimid0000008001_7additional.jpg"]  # fmt: skip
    women = "img/WOMEN/Blouses_Shirts/id_00000001/02_1_front.jpg"
    men = "img/MEN/Denim/id_00000080/01_7_additional.jpg"
    other = "img/WOMEN/Blouses_Shirts/id_00000001/02_2_side.jpg"
    assert found(names, women, men, other) == {women: names[0], men: names[1]}
    assert found(["fashionable.jpg"], women) == {}
    assert found(names, f"flat/{names[0]}") == {f"flat/{names[0]}": names[0]}
