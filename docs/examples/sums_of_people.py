"""What comes out when tables of crops are added. No file is read: a table only names them."""

from pathlib import Path

from lookalike.data import People

day = People(["a.jpg", "b.jpg", "c.jpg"], pids=[1, 1, 2], camids=[0, 1, 1], domain="day")
night = People(["x.jpg", "y.jpg"], pids=[1, -1], camids=[0, 0], domain="night")

both = day + night
print(both.pids)  # [ 1  1  2  3 -1]: person 1 of the night is somebody else; junk stays junk
print(both.camids)  # [0 1 1 2 2]
print(both.labels())  # [ 0  0  1  2 -1]: classes, for training
print(both.parts)  # [array([0, 1, 2]), array([3, 4])]

print((day + night.unlabelled()).pids)  # [ 1  1  2 -2 -2]

fakes = day.files(Path("fakes"))
print(fakes.paths)  # ['fakes/000000_a.png' 'fakes/000001_b.png' 'fakes/000002_c.png']
print((day + fakes).pids)  # [1 1 2 1 1 2]: the same people

print((day + People.nobody(2, Path("noise"))).pids)  # [1 1 2 0 0]: distractors
