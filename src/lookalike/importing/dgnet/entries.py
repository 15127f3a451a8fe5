"""What the authors' DG-Net calls its weights, and what we call them."""

from lookalike.importing.renaming import Layout

CLASSIFIER = (r"^model\.fc\.", "known and unused (ImageNet's classifier)")
NONLOCAL = (r"nonloc", "known and unused (non-local layers, which the authors skip too)")

GENERATOR = Layout(
    marks=("enc_content.", "dec.", "mlp_w1."),
    names=(
        ("enc_content.model.{0..}.conv", "generator.encoder.convs.{0..}"),
        ("enc_content.model.4.model.{0..}.model.0.conv", "generator.encoder.residuals.{0..}.conv1"),
        ("enc_content.model.4.model.{0..}.model.1.conv", "generator.encoder.residuals.{0..}.conv2"),
        ("enc_content.model.5.conv1.conv", "generator.encoder.near"),
        ("enc_content.model.5.conv6.0.conv", "generator.encoder.reduce.0"),
        ("enc_content.model.5.conv6.1.conv", "generator.encoder.dilated.0"),
        ("enc_content.model.5.conv12.0.conv", "generator.encoder.reduce.1"),
        ("enc_content.model.5.conv12.1.conv", "generator.encoder.dilated.1"),
        ("enc_content.model.5.conv18.0.conv", "generator.encoder.reduce.2"),
        ("enc_content.model.5.conv18.1.conv", "generator.encoder.dilated.2"),
        ("enc_content.model.5.fuse.conv", "generator.encoder.fuse"),
        ("mlp_w{1..}.model.{0..}.fc", "generator.gammas.{0..}.layers.{0..}"),
        ("mlp_b{1..}.model.{0..}.fc", "generator.betas.{0..}.layers.{0..}"),
        ("dec.model.1.model.{0..}.model.0.conv", "generator.residuals.{0..}.conv1"),
        ("dec.model.1.model.{0..}.model.1.conv", "generator.residuals.{0..}.conv2"),
        ("dec.model.3.conv", "generator.up1"),
        ("dec.model.3.norm", "generator.norm1"),
        ("dec.model.5.conv", "generator.up2"),
        ("dec.model.5.norm", "generator.norm2"),
        ("dec.model.6.conv", "generator.refine.0"),
        ("dec.model.7.conv", "generator.refine.1"),
        ("dec.model.8.conv", "generator.rgb"),
    ),
    unused=(
        NONLOCAL,
        (r"^dec\..*\.norm\.running_(mean|var)$", "known and unused (AdaIN's placeholders)"),
    ),
)
DISCRIMINATOR = Layout(
    marks=("cnns.",),
    names=(
        ("cnns.{0..}.{0..}.conv", "scales.{0..}.convs.{0..}"),
        ("cnns.{0..}.{5..}.model.0.conv", "scales.{0..}.residuals.{0..}.conv1"),
        ("cnns.{0..}.{5..}.model.1.conv", "scales.{0..}.residuals.{0..}.conv2"),
        ("cnns.{0..}.9", "scales.{0..}.out"),
    ),
    unused=(NONLOCAL,),
)
APPEARANCE = Layout(
    marks=("classifier1.", "classifier2."),
    names=(
        ("model", "appearance.trunk"),
        ("classifier1.add_block.0", "appearance.primary.feat"),
        ("classifier1.add_block.1", "appearance.primary.bn"),
        ("classifier1.classifier.0", "appearance.primary.classifier"),
        ("classifier2.add_block.0", "appearance.fine.feat"),
        ("classifier2.add_block.1", "appearance.fine.bn"),
        ("classifier2.classifier.0", "appearance.fine.classifier"),
    ),
    unused=(CLASSIFIER,),
)
TEACHER = Layout(
    marks=("classifier.",),
    names=(
        ("model", "trunk"),
        ("classifier.add_block.0", "head.feat"),
        ("classifier.add_block.1", "head.bn"),
        ("classifier.classifier.0", "head.classifier"),
    ),
    unused=(CLASSIFIER,),
)
LAYOUTS = {"gen": GENERATOR, "dis": DISCRIMINATOR, "id": APPEARANCE, "teacher": TEACHER}
