"""The command `import`, as somebody types it: a file with a class, a file with weights."""

import pickle
import re

import numpy as np
import pytest
import torch
from torch import nn

from training.__main__ import main
from training.checkpoint import load
from training.importing import import_vae
from training.importing.exported import ImportRefused
from training.importing.user_module import network_of
from training.importing.weights import fit_state, read_state

SOURCE = """
import torch
from torch import nn

class Helper(nn.Module):
    pass

class MyVAE(nn.Module):
    def __init__(self, latent_dim, width=16):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(144, width), nn.BatchNorm1d(width), nn.ReLU())
        self.fc_mu, self.fc_logvar = nn.Linear(width, latent_dim), nn.Linear(width, latent_dim)
        self.back = nn.Sequential(nn.Linear(latent_dim, 144), nn.Sigmoid())

    def encode(self, x):
        h = self.body(x.view(-1, 144))
        return self.fc_mu(h), self.fc_logvar(h)

    def decode(self, z):
        return self.back(z)

    def paint(self, z):
        return self.back(z).view(-1, 1, 12, 12)

def broken(x):
    return x.repeat(1, 48).cumsum(1)
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a class, its trained weights, and pictures."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_model.py").write_text(SOURCE)
    torch.manual_seed(0)
    net, _, _ = network_of("my_model.py:MyVAE", weights_file(tmp_path), '{"latent_dim": 3}')
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 256, (60, 12, 12), np.uint8)
    np.savez(tmp_path / "pictures.npz", images=pictures)
    return tmp_path, net


def weights_file(folder):
    """Weights of such a class, under "state_dict", with the prefixes of a wrapper."""
    space = {}
    exec(SOURCE, space)
    state = space["MyVAE"](3).state_dict()
    wrapped = {f"module._orig_mod.{name}": tensor for name, tensor in state.items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, folder / "vae.pth")
    return folder / "vae.pth"


def importing(*more):
    """Exit code of the command with the usual options and more."""
    usual = ["my_model.py:MyVAE", "--weights", "vae.pth", "--data", "npz:pictures.npz"]
    return main(["import", *usual, "--args", '{"latent_dim": 3}', "--out", "mine", *more])


def test_a_class_and_its_weights_become_a_checkpoint(place, capsys):
    folder, net = place
    assert importing("--yes", "--licence", "MIT", "--source", "https://x.org/vae") == 0
    said = capsys.readouterr().out
    assert re.search(r"Parity with torch: \d\.\de", said)
    assert "second: log_var" in said
    assert "Wrote mine.safetensors." in said
    kept = load(folder / "mine.safetensors")
    assert (kept.origin.licence, kept.origin.source) == ("MIT", "https://x.org/vae")
    assert kept.origin.network == "my_model.py:MyVAE"
    assert kept.data.startswith("npz:")
    assert "pictures.npz" in kept.data
    z = torch.randn(5, 3)
    torch.testing.assert_close(kept.vae.picture(z), net.decode(z).detach(), rtol=1e-4, atol=1e-5)
    assert (folder / "mine.png").exists()


def test_what_is_made_goes_where_the_page_looks_for_it(place, monkeypatch, capsys):
    folder, _ = place
    monkeypatch.setenv("VAE_CHECKPOINT_DIR", str(folder / "kept"))
    monkeypatch.setenv("VAE_RUN_DIR", str(folder / "watched"))
    usual = ["my_model.py:MyVAE", "--weights", "vae.pth", "--data", "npz:pictures.npz"]
    assert main(["import", *usual, "--args", '{"latent_dim": 3}', "--name", "mine", "--yes"]) == 0
    fit = ["fit", "mnist-5k-2d", "--epochs", "1", "--batch-size", "2000", "--device", "cpu"]
    assert main(fit) == 0
    assert sorted(p.name for p in (folder / "kept").glob("*.safetensors")) == [
        "mine.safetensors",
        "mnist-5k-2d.safetensors",
    ]
    assert [p.name for p in (folder / "watched").iterdir()] == ["mnist-5k-2d"]
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "mine" in capsys.readouterr().out
    assert not (folder / "checkpoints").exists()


def test_options_and_parts_are_taken_as_they_are_said(place, capsys):
    more = ["--decoder", "model.paint", "--second", "log_std", "--likelihood", "none"]
    assert importing(*more, "--prior", "normal-1-2", "--input-range", "-1..1") == 0
    kept = load("mine.safetensors")
    answers = dict(kept.origin.answers)
    assert answers["second"] == "log_std"
    assert answers["input_range"] == "-1..1"
    assert (kept.vae.config.prior, kept.vae.config.likelihood) == ("normal-1-2", "squared-error")
    _, net = place
    x = torch.rand(4, 144)
    log_var = 2 * net.encode(2 * x - 1)[1].detach()
    torch.testing.assert_close(kept.vae.encode(x).log_var, log_var, rtol=1e-4, atol=1e-5)


def test_questions_are_asked_on_a_terminal_until_the_answer_is_possible(place, monkeypatch, capsys):
    answers = iter(["variance?", "std", "log_std", "", "", "", ""])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    assert importing() == 0
    said = capsys.readouterr()
    assert "What is the encoder's second output?" in said.out
    assert "it is called fc_logvar" in said.out
    assert "--second variance? is not possible" in said.err
    assert dict(load("mine.safetensors").origin.answers)["second"] == "log_std"


def test_a_generator_or_a_pair_without_encoder_is_a_decoder_alone(place, capsys):
    folder, _ = place
    more = """
def build():
    return None, MyVAE(3).paint

def generator():
    return nn.Sequential(nn.Linear(5, 75), nn.Unflatten(1, (3, 5, 5)))
"""
    (folder / "other.py").write_text(SOURCE + more)
    assert main(["import", "other.py:build", "--latent", "3", "--out", "a", "--yes"]) == 0
    assert main(["import", "other.py:generator", "--encoder", "none", "--out", "b", "--yes"]) == 0
    shapes = [load(f"{name}.safetensors").vae.shape.dims for name in "ab"]
    assert shapes == [(1, 12, 12), (3, 5, 5)]
    assert load("b.safetensors").vae.config.latent_dim == 5


def test_a_decoder_alone_with_codes(place, capsys):
    np.save("codes.npy", np.random.default_rng(0).normal(size=(30, 3)))
    assert importing("--encoder", "none", "--codes", "codes.npy", "--yes") == 0
    kept = load("mine.safetensors")
    assert kept.vae.encoder is None
    assert kept.vae.codes.shape == (30, 3)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--args", '{"latent_dim": 4}'], "of the shape [3, 16], and MyVAE one of [4, 16]"),
        (["--args", "{}"], "(latent_dim, width=16) cannot be made"),
        (["--args", "{latent"], "--args is no JSON"),
        (["--second", "sigma?"], "the valid ones are log_var, log_std, std, var, none"),
        (["--second", "std"], "values are below 0"),
        (["--input-range", "5..1"], "--input-range 5..1 is not possible"),
        (["--encoder", "model.nothing"], "those of the model are"),
        (["--decoder", "broken"], "aten.cumsum.default"),
        (["--decoder", "model.fc_mu"], "takes no codes of [3]"),
        (["--weights", "gone.pth"], "gone.pth cannot be read"),
        (["--weights", "my_model.py"], "no file of weights"),
        (["--weights", "pictures.npz"], "no file of weights"),
        (["--likelihood", "gaussian-learned"], "the valid ones are bernoulli"),
        (["--prior", "cauchy"], "prior 'cauchy' is not known"),
        (["--labels", "a,b"], "neither encoder nor decoder takes one of 2 labels"),
        (["--categories", "3"], "the decoder takes 3 numbers without any"),
        (["--data", "npz:none.npz"], "none.npz"),
    ],
)
def test_what_is_not_possible_is_one_sentence(place, capsys, more, said):
    assert importing("--yes", *more) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert "Traceback" not in told


def test_what_cannot_be_run_or_found_is_one_sentence(place, capsys):
    folder, _ = place
    (folder / "bad.py").write_text("import torch\nraise ValueError('not today')\n")
    (folder / "several.py").write_text(SOURCE.replace("encode", "embed"))
    neither = SOURCE.replace("encode", "embed").replace("def decode", "def expand")
    (folder / "neither.py").write_text(neither)
    for network, said in (
        ("bad.py:VAE", "bad.py cannot be imported, line 2: ValueError: not today"),
        ("gone.py:VAE", "gone.py is no file"),
        ("my_model.py:VAE", "has no VAE; it has Helper, MyVAE"),
        ("neither.py:MyVAE", "has neither encode and decode nor encoder and decoder"),
        ("several.py:MyVAE", "has a decoder, and no encoder is found"),
    ):
        more = ["--args", '{"latent_dim": 3}', "--weights", "vae.pth", "--data", "npz:pictures.npz"]
        assert main(["import", network, *more, "--yes"]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1
    assert main(["import", "my_model.py", "--args", '{"latent_dim": 3}']) == 2
    assert "is not trained; name its file of weights with --weights" in capsys.readouterr().err


WHOLE = """
class Conditional(nn.Module):
    def __init__(self):
        super().__init__()
        self.name = nn.Embedding(3, 4)
        self.enc, self.dec = nn.Linear(148, 4), nn.Linear(6, 144)

    def forward(self, x, y):
        e = self.name(y)
        mu, logvar = self.enc(torch.cat([x.flatten(1), e], 1)).chunk(2, 1)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return torch.sigmoid(self.dec(torch.cat([z, e], 1))), mu, logvar

class Drawn(nn.Module):
    def __init__(self):
        super().__init__()
        self.stats, self.back = nn.Linear(144, 4), nn.Linear(2, 144)

    def encode(self, x):
        mu, log_std = self.stats(x.flatten(1)).chunk(2, 1)
        return torch.distributions.Normal(mu, log_std.exp()).rsample()

    def decode(self, z):
        return self.back(z)

class Branching(Drawn):
    def encode(self, x):
        mu, log_std = self.stats(x.flatten(1)).chunk(2, 1)
        return (mu * 2 if mu.mean() > 0 else mu), log_std

class Box:
    def __init__(self):
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(144, 4), nn.BatchNorm1d(4))

class Hidden:
    def __init__(self):
        self.box, self.back = Box(), nn.Linear(2, 144)

    def encode(self, x):
        return self.box.net(x).chunk(2, 1)

    def decode(self, z):
        return self.back(z)

def conditional():
    torch.manual_seed(0)
    return Conditional()

def drawn():
    return Drawn()

def branching():
    return Branching()

def hidden():
    held = Hidden()
    return held.encode, held.decode
"""


def test_a_whole_model_with_a_label_and_a_drawing_encoder_are_parted(place, capsys):
    folder, _ = place
    (folder / "whole.py").write_text(SOURCE + WHOLE)
    more = ["--data", "npz:pictures.npz", "--out", "w", "--yes"]
    assert main(["import", "whole.py:conditional", "--labels", "a,b,c", *more]) == 0
    vae = load("w.safetensors").vae
    own = network_of("whole.py:conditional", None, None)[0]
    z, y = torch.randn(6, 2), torch.tensor([0, 1, 2, 2, 1, 0])
    with torch.no_grad():
        wanted = torch.sigmoid(own.dec(torch.cat([z, own.name(y)], 1)))
        torch.testing.assert_close(
            vae.picture(torch.cat([z, y[:, None].float()], 1)), wanted, rtol=1e-4, atol=1e-5
        )
    assert main(["import", "whole.py:drawn", *more]) == 0


def test_networks_that_decide_or_train_are_one_sentence(place, capfd):
    folder, _ = place
    (folder / "whole.py").write_text(SOURCE + WHOLE)
    for network, said in (
        ("whole.py:branching", "The network decides by a value that it computes"),
        ("whole.py:hidden", "A batch norm is left in training; call .eval()"),
        ("vae.pth", "name the class's file, as in my_model.py:VAE --weights vae.pth"),
    ):
        assert main(["import", network, "--data", "npz:pictures.npz", "--yes"]) == 2
        told = capfd.readouterr().err
        assert said in told
        assert told.count("\n") == 1


def test_evidence_is_of_all_ranges_and_of_the_pictures_own_moments(place):
    """Drawn towards 0, which is the mean of pictures that are standardised, and only of those; the
    second output is never below 0 of pictures from 0 to 1, and often of these."""

    class Standardised(nn.Module):
        def encode(self, x):
            return x.flatten(1), 0.5 * x.flatten(1)

        def decode(self, z):
            return 0.9 * z.view(-1, 1, 3, 4)

    levels = 75 + 25 * torch.randn(64, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    net = Standardised()
    images = levels.clamp(0, 255).round().to(torch.uint8)
    answers = dict(load(import_vae(net.encode, net.decode, images, out="own")).origin.answers)
    values = images / 255
    assert answers["input_range"] == f"{values.mean():.3g}/{values.std():.3g}"
    assert answers["output"] == f"values {answers['input_range']}"
    assert answers["second"] == "log_var"


class Planted:
    """A pickle that would make a file."""

    def __reduce__(self):
        return (open, ("planted", "w"))


@pytest.mark.parametrize(
    "write", [torch.save, lambda x, path: path.write_bytes(pickle.dumps(x, 2))]
)
def test_a_planted_pickle_is_refused_and_nothing_is_run(place, capsys, write):
    folder, _ = place
    write({"state_dict": {"a": torch.zeros(2)}, "more": Planted()}, folder / "evil.pth")
    assert importing("--yes", "--weights", "evil.pth") == 2
    told = capsys.readouterr().err
    assert "evil.pth holds more than weights" in told
    assert told.count("\n") == 1
    assert not (folder / "planted").exists()


@pytest.mark.parametrize(
    "stored",
    [
        lambda state: state,
        lambda state: {"model_state_dict": state, "optimizer": {"state": {}}},
        lambda state: {"model": {f"module.{k}": t for k, t in state.items()}},
        lambda state: {"state_dict": {f"model.{k}": t for k, t in state.items()}, "epoch": 1},
        lambda state: {
            "state_dict": {f"vae.{k}": t for k, t in state.items()} | {"lpips.w": torch.zeros(1)}
        },
        lambda state: {f"_orig_mod.{k}": t for k, t in state.items()},
    ],
)
def test_weights_are_found_wherever_a_training_keeps_them(tmp_path, stored):
    net, other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), nn.Sequential()
    torch.save(stored(net.state_dict()), tmp_path / "x.pt")
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    fit_state(other, read_state(tmp_path / "x.pt"))
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))


def test_weights_that_are_missing_or_too_many_are_named(tmp_path):
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    state = net.state_dict()
    for change, said in (
        (lambda s: s.pop("1.bias"), "has no weights for 1.bias of Sequential"),
        (lambda s: s.update(extra=torch.zeros(1)), "does not take: extra"),
        (lambda s: s.update({"0.bias": torch.full((2,), torch.nan)}), "NaN or infinity in 0.bias"),
    ):
        own = dict(state)
        change(own)
        torch.save(own, tmp_path / "x.pt")
        with pytest.raises(ImportRefused, match=re.escape(said)):
            fit_state(net, read_state(tmp_path / "x.pt"))
    torch.save({"note": "nothing", "n": 3}, tmp_path / "x.pt")
    with pytest.raises(ImportRefused, match="holds no weights by their names"):
        read_state(tmp_path / "x.pt")
