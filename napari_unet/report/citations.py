"""What to cite: papers behind the program, its libraries and its methods. Writes no sentence."""

from __future__ import annotations

import inspect
import re

from napari_unet.segmenters import REGISTRY as METHODS

WORKS = {
    "napari": "napari contributors. napari: a multi-dimensional image viewer for Python. doi:10.5281/zenodo.3555620",
    "torch": "Paszke A. et al. PyTorch: an imperative style, high-performance deep learning library. Advances in "
             "Neural Information Processing Systems 32, 8024-8035 (2019).",
    "numpy": "Harris C. R. et al. Array programming with NumPy. Nature 585, 357-362 (2020). "
             "doi:10.1038/s41586-020-2649-2",
    "scipy": "Virtanen P. et al. SciPy 1.0: fundamental algorithms for scientific computing in Python. Nature Methods "
             "17, 261-272 (2020). doi:10.1038/s41592-019-0686-2",
    "scikit-image": "van der Walt S. et al. scikit-image: image processing in Python. PeerJ 2, e453 (2014). "
                    "doi:10.7717/peerj.453",
    "scikit-learn": "Pedregosa F. et al. Scikit-learn: machine learning in Python. Journal of Machine Learning "
                    "Research 12, 2825-2830 (2011).",
    "unet": "Ronneberger O., Fischer P., Brox T. U-Net: convolutional networks for biomedical image segmentation. "
            "MICCAI, LNCS 9351, 234-241 (2015). doi:10.1007/978-3-319-24574-4_28",
    "attention_unet": "Oktay O. et al. Attention U-Net: learning where to look for the pancreas. arXiv:1804.03999 "
                      "(2018).",
    "deeplab": "Chen L.-C. et al. Encoder-decoder with atrous separable convolution for semantic image segmentation. "
               "ECCV, LNCS 11211, 833-851 (2018). doi:10.1007/978-3-030-01234-2_49",
    "fcn": "Long J., Shelhamer E., Darrell T. Fully convolutional networks for semantic segmentation. CVPR, 3431-3440 "
           "(2015). doi:10.1109/CVPR.2015.7298965",
    "segnet": "Badrinarayanan V., Kendall A., Cipolla R. SegNet: a deep convolutional encoder-decoder architecture for "
              "image segmentation. IEEE TPAMI 39, 2481-2495 (2017). doi:10.1109/TPAMI.2016.2644615",
    "patch_classifier": "Ciresan D. et al. Deep neural networks segment neuronal membranes in electron microscopy "
                        "images. Advances in Neural Information Processing Systems 25, 2843-2851 (2012).",
    "vit": "Dosovitskiy A. et al. An image is worth 16x16 words: transformers for image recognition at scale. ICLR "
           "(2021). arXiv:2010.11929",
    "unet25d": "Ronneberger O., Fischer P., Brox T. U-Net: convolutional networks for biomedical image segmentation. "
               "MICCAI, LNCS 9351, 234-241 (2015). doi:10.1007/978-3-319-24574-4_28",
    "unet3d": "Cicek O. et al. 3D U-Net: learning dense volumetric segmentation from sparse annotation. MICCAI, LNCS "
              "9901, 424-432 (2016). doi:10.1007/978-3-319-46723-8_49",
    "planned": "Isensee F. et al. nnU-Net: a self-configuring method for deep learning-based biomedical image "
               "segmentation. Nature Methods 18, 203-211 (2021). doi:10.1038/s41592-020-01008-z",
    "adamw": "Loshchilov I., Hutter F. Decoupled weight decay regularization. ICLR (2019). arXiv:1711.05101",
    "contours": "Chan T. F., Vese L. A. Active contours without edges. IEEE TIP 10, 266-277 (2001). "
                "doi:10.1109/83.902291",
    "edges": "Canny J. A computational approach to edge detection. IEEE TPAMI 8, 679-698 (1986). "
             "doi:10.1109/TPAMI.1986.4767851",
    "felzenszwalb": "Felzenszwalb P. F., Huttenlocher D. P. Efficient graph-based image segmentation. IJCV 59, 167-181 "
                    "(2004). doi:10.1023/B:VISI.0000022288.19776.77",
    "forest": "Breiman L. Random forests. Machine Learning 45, 5-32 (2001). doi:10.1023/A:1010933404324",
    "mean_shift": "Comaniciu D., Meer P. Mean shift: a robust approach toward feature space analysis. IEEE TPAMI 24, "
                  "603-619 (2002). doi:10.1109/34.1000236",
    "quickshift": "Vedaldi A., Soatto S. Quick shift and kernel methods for mode seeking. ECCV, LNCS 5305, 705-718 "
                  "(2008). doi:10.1007/978-3-540-88693-8_52",
    "random_walker": "Grady L. Random walks for image segmentation. IEEE TPAMI 28, 1768-1783 (2006). "
                     "doi:10.1109/TPAMI.2006.233",
    "region_graph": "Shi J., Malik J. Normalized cuts and image segmentation. IEEE TPAMI 22, 888-905 (2000). "
                    "doi:10.1109/34.868688",
    "region_growing": "Adams R., Bischof L. Seeded region growing. IEEE TPAMI 16, 641-647 (1994). "
                      "doi:10.1109/34.295913",
    "slic": "Achanta R. et al. SLIC superpixels compared to state-of-the-art superpixel methods. IEEE TPAMI 34, "
            "2274-2282 (2012). doi:10.1109/TPAMI.2012.120",
    "split_merge": "Horowitz S. L., Pavlidis T. Picture segmentation by a tree traversal algorithm. Journal of the ACM "
                   "23, 368-388 (1976). doi:10.1145/321941.321956",
    "watershed": "Neubert P., Protzel P. Compact watershed and preemptive SLIC. ICPR, 996-1001 (2014). "
                 "doi:10.1109/ICPR.2014.181",
}
"""By library or method."""

_SAME = {"unet2015": "unet", "instant": "unet"}
_DOI = re.compile(r"doi:10\.\d{4,9}/(?:\([^()\s]*\)|[^\s,;()])*[^\s,;:.()]")


def works_of(method: str) -> list[str]:
    """Return the papers behind a method: out of the table, else those that its own description names."""
    name = _SAME.get(method, method)
    if name in WORKS:
        return [WORKS[name]]
    doc = inspect.getdoc(METHODS[method]) or "" if method in METHODS else ""
    return list(dict.fromkeys(_DOI.findall(doc)))
