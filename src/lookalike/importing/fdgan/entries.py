"""What the authors' FD-GAN calls its weights, and what we call them."""

from lookalike.importing.renaming import Layout

CLASSIFIER = (r"^base_model\.base\.fc\.", "known and unused (ImageNet's classifier)")

ENCODER = Layout(
    marks=("base_model.base.", "embed_model."),
    names=(
        ("base_model.base", "encoder"),
        ("embed_model.bn", "verifier.bn"),
        ("embed_model.classifier", "verifier.classifier"),
    ),
    unused=(CLASSIFIER,),
)
IDENTITY = Layout(
    marks=ENCODER.marks,
    names=(
        ("base_model.base", "trunk"),
        ("embed_model.bn", "head.bn"),
        ("embed_model.classifier", "head.classifier"),
    ),
    unused=(CLASSIFIER,),
)
GENERATOR = Layout(
    marks=("en_conv1.", "en_avg.", "de_avg.", "de_conv1."),
    names=(
        ("en_avg.1", "generator.encode.5.conv"),
        ("en_avg.2", "generator.encode.5.norm"),
        ("en_conv1", "generator.encode.0.conv"),
        ("en_conv{2..}.1", "generator.encode.{1..}.conv"),
        ("en_conv{2..}.2", "generator.encode.{1..}.norm"),
        ("de_avg.1", "generator.decode.0.conv"),
        ("de_avg.2", "generator.decode.0.norm"),
        ("de_conv5.1", "generator.decode.1.conv"),
        ("de_conv5.2", "generator.decode.1.norm"),
        ("de_conv4.1", "generator.decode.2.conv"),
        ("de_conv4.2", "generator.decode.2.norm"),
        ("de_conv3.1", "generator.decode.3.conv"),
        ("de_conv3.2", "generator.decode.3.norm"),
        ("de_conv2.1", "generator.decode.4.conv"),
        ("de_conv2.2", "generator.decode.4.norm"),
        ("de_conv1.1", "generator.decode.5.conv"),
    ),
)
POSE = Layout(
    marks=("model.0.", "model.11."),
    names=(
        ("model.0", "convs.0"),
        ("model.2", "convs.1"),
        ("model.3", "norms.0"),
        ("model.5", "convs.2"),
        ("model.6", "norms.1"),
        ("model.8", "convs.3"),
        ("model.9", "norms.2"),
        ("model.11", "convs.4"),
    ),
)
# E and Di share their names; Di's classifier has one row.
LAYOUTS = {"E": ENCODER, "G": GENERATOR, "Di": IDENTITY, "Dp": POSE}
