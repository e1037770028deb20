import pytest
import torch
from torch.nn import functional

from rtgraph.nodes.networks.pooling import MaxPool


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(2, 4, 82, 82), (1, 16, 9, 8), (1, 20, 3, 3), (2, 1, 4, 5)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("gradient", [False, True])
def test_it_is_what_torch_has_bit_for_bit(shape, stride, memory_format, gradient):
    planes = torch.randn(shape, generator=torch.Generator().manual_seed(0)).round(decimals=1)
    planes[0, 0, 2, 2] = torch.nan
    planes[0, 0, 0, 0] = -torch.inf
    planes = planes.contiguous(memory_format=memory_format).requires_grad_(gradient)
    expected = functional.max_pool2d(planes, 3, stride)
    pooled = MaxPool(stride)(planes)
    torch.testing.assert_close(pooled, expected, rtol=0, atol=0, equal_nan=True)
    assert pooled.requires_grad == gradient
    with torch.no_grad():
        torch.testing.assert_close(MaxPool(stride)(planes), expected, rtol=0, atol=0, equal_nan=True)
