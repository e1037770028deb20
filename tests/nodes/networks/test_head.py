import pytest
import torch
from pydantic import ValidationError
from support.weights import count_parameters

from rtgraph.msgs import ArraySpec, Continuous, MultiDiscrete
from rtgraph.nodes.networks import HeadSpec, ImpalaSpec, MlpSpec, NatureSpec, SupportSpec
from rtgraph.nodes.networks.build import build
from rtgraph.nodes.networks.head import Head, atoms_of

SUPPORT = SupportSpec(low=-4, high=2, atoms=7)
RAINBOW = HeadSpec(dueling=True, noisy=True, support=SUPPORT)
FRAMES = torch.randint(0, 256, (3, 36, 36), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def plant(plant):
    """Return a plant with small frames, which all networks can read."""
    return plant.model_copy(update={"observation": ArraySpec(dtype="uint8", shape=(36, 36))})


def on_vectors(plant):
    return plant.model_copy(update={"observation": ArraySpec(dtype="float32", shape=(5,))})


@pytest.mark.parametrize(
    "head", [HeadSpec(), HeadSpec(dueling=True), HeadSpec(support=SUPPORT), RAINBOW], ids=repr
)
@pytest.mark.parametrize(
    "spec", [ImpalaSpec(k=1 / 16), NatureSpec(), MlpSpec(hidden=()), MlpSpec()], ids=repr
)
def test_every_network_takes_every_head(plant, spec, head):
    module = build(spec.model_copy(update={"head": head}), plant)
    values, scores = module(FRAMES), module.scores(FRAMES)
    assert values.shape == (3, 6)
    assert values.dtype == scores.dtype == torch.float32
    assert scores.shape == (3, 6, 7 if head.support else 1)
    torch.testing.assert_close(module.head.means(scores), values)


def test_a_plain_head_scores_values(plant):
    module = build(MlpSpec(), plant)
    assert torch.equal(module.scores(FRAMES).squeeze(2), module(FRAMES))


def test_values_are_the_means_of_distributions(plant):
    module = build(MlpSpec(head=HeadSpec(support=SUPPORT)), plant)
    probabilities = module.scores(FRAMES).softmax(2)
    expected = (probabilities * torch.tensor([-4.0, -3, -2, -1, 0, 1, 2])).sum(2)
    torch.testing.assert_close(module(FRAMES), expected)
    assert torch.equal(atoms_of(SUPPORT), torch.tensor([-4.0, -3, -2, -1, 0, 1, 2]))
    assert SUPPORT.spacing == 1


@pytest.mark.parametrize("support", [None, SUPPORT])
def test_dueling_streams_add_up(plant, support):
    module = build(MlpSpec(hidden=(8,), head=HeadSpec(dueling=True, support=support)), on_vectors(plant))
    inputs = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    atoms = 7 if support else 1
    state = module.head.state(inputs).reshape(4, 1, atoms)
    actions = module.head.actions(inputs).reshape(4, 6, atoms)
    scores = module.scores(inputs)
    torch.testing.assert_close(scores, state + actions - actions.mean(1, keepdim=True))
    # So the mean over actions is the state's value.
    torch.testing.assert_close(scores.mean(1, keepdim=True), state)


def test_parameters_of_heads(plant):
    plant = on_vectors(plant)

    def count(**head):
        return count_parameters(MlpSpec(hidden=(8,), head=HeadSpec(**head)), plant)

    hidden = 5 * 8 + 8
    assert count() == hidden + 9 * 6
    assert count(support=SUPPORT) == hidden + 9 * 6 * 7
    assert count(dueling=True) == 2 * hidden + 9 * 7
    assert count(noisy=True) == 2 * count()
    assert count(dueling=True, noisy=True, support=SUPPORT) == 2 * (2 * hidden + 9 * 7 * 7)


def test_only_the_last_hidden_layer_is_the_heads(plant):
    body = build(MlpSpec(hidden=(8, 4), head=RAINBOW), plant).layers
    assert [type(layer) for layer in body] == [torch.nn.Linear, torch.nn.ReLU]


@pytest.mark.parametrize(
    "action",
    [Continuous(low=(0,), high=(1,)), MultiDiscrete(size=2, count=3)],
    ids=lambda action: action.kind,
)
def test_other_heads_are_for_discrete_actions(plant, action):
    plant = plant.model_copy(update={"action": action})
    assert count_parameters(MlpSpec(), plant) > 0
    with pytest.raises(ValueError, match=f"needs discrete actions, and the plant has {action.kind} ones"):
        build(MlpSpec(head=HeadSpec(dueling=True)), plant, device="meta")


def test_a_plain_head_is_not_written_down():
    assert MlpSpec(hidden=(8,)).model_dump(mode="json") == {"kind": "mlp", "hidden": [8]}
    spec = MlpSpec(hidden=(8,), head=RAINBOW)
    assert MlpSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert spec.model_dump()["head"]["support"] == {"low": -4.0, "high": 2.0, "atoms": 7}


@pytest.mark.parametrize(
    "support",
    [
        {"low": 1, "high": 1},
        {"low": 2, "high": 1},
        {"low": 0, "high": 1, "atoms": 1},
        {"low": 0, "high": "inf"},
    ],
)
def test_a_support_spans_something(support):
    with pytest.raises(ValidationError):
        SupportSpec.model_validate(support)


def test_a_head_with_no_features_of_its_own():
    head = Head(HeadSpec(), 3, None, 2)
    assert head(torch.zeros(4, 3)).shape == (4, 2)


@pytest.mark.parametrize(
    "head",
    [HeadSpec(), HeadSpec(dueling=True), HeadSpec(support=SupportSpec(low=0, high=100)), RAINBOW],
    ids=repr,
)
def test_values_are_told_apart_in_bfloat16_too(plant, head):
    """Values around 20 that differ by a hundredth: bfloat16 has no number between 20 and 20.125."""
    module = build(MlpSpec(hidden=(32, 32), head=head), on_vectors(plant), seed=1)
    inputs = torch.randn(2000, 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        if head.support is None:
            for stream in (module.head.actions, module.head.state or []):
                if len(stream):
                    stream[-1].weight.mul_(0.05)
            (module.head.state or module.head.actions)[-1].bias.add_(20)
        values = module(inputs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            scores = module.scores(inputs)
            means, fast = module.head.means(scores), module(inputs)
    assert means.dtype == fast.dtype == torch.float32
    assert torch.equal(means, fast)
    assert (fast.argmax(1) != values.argmax(1)).float().mean() < 0.02
    assert len(fast[:, 0].unique()) > 1000
